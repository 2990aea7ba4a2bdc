import { isIP } from 'node:net';

/** Names that no public DNS hands out: `localhost`, a container's or a service's, and those of a Kubernetes cluster. */
const INSIDE = /^(?:[a-z0-9_-]+|(?:[a-z0-9_-]+\.)+(?:svc|svc\.cluster\.local|localhost))$/;

/**
 * Creates the check of a request's Host at the health listener (security rule S19). A foreign web page reaches the
 * listener only by a public name whose address its owner changed (DNS rebinding). Probes and collectors use an address
 * or an internal name; both pass.
 * @param names further names that pass
 * @returns a function that takes a request's raw headers and tells whether the request may pass
 */
export function createHealthHostGuard(names: readonly string[]): (rawHeaders: readonly string[]) => boolean {
  const own = new Set(names.map((name) => name.toLowerCase()));
  return (rawHeaders) => {
    const hosts = rawHeaders.flatMap((name, index) =>
      index % 2 === 0 && name.toLowerCase() === 'host' ? [rawHeaders[index + 1] ?? ''] : [],
    );
    const [host] = hosts;
    if (host === undefined || hosts.length > 1) return false;
    const name = host.toLowerCase().replace(/:\d{1,5}$/, '');
    return (
      isIP(name) === 4 ||
      (name.startsWith('[') && name.endsWith(']') && isIP(name.slice(1, -1)) === 6) ||
      INSIDE.test(name) ||
      own.has(name)
    );
  };
}
