const NAMES = ['127.0.0.1', 'localhost', '[::1]'];

/**
 * The other origins by which somebody on this machine reaches a loopback one: `http://localhost:7400` for
 * `http://127.0.0.1:7400`. None for any other origin.
 */
export function loopbackSpellings(origin: string): readonly string[] {
  const { protocol, hostname, port } = new URL(origin);
  if (!NAMES.includes(hostname)) return [];
  const others = NAMES.filter((name) => name !== hostname);
  return others.map((name) => new URL(`${protocol}//${name}${port === '' ? '' : `:${port}`}`).origin);
}
