import { loopbackSpellings } from '@sallyport/kernel';

/**
 * The gateway's address, or one of its servers' below it; each with or without a final slash. Nothing but its origin,
 * too.
 */
const PATHS = /^\/(?:mcp(?:\/[^/]*)?\/?)?$/;

/**
 * The names agents have for the one resource there is (RFC 8707): they send the address they were given, as its
 * metadata says it (RFC 9728 section 3.3). What they get is a token for the gateway as a whole in any case, and policy
 * decides on each server. Whether there is a server of that name is not looked at: unknown names answer alike.
 * @param resource `https://gateway.example/mcp`: the audience of every token
 * @returns that resource for each of its names, and anything else as it was
 */
export function createResourceNames(resource: string): (requested: string) => string {
  const { origin } = new URL(resource);
  const origins = new Set([origin, ...loopbackSpellings(origin)]);
  return (requested) => {
    const url = URL.parse(requested);
    if (url === null || url.search !== '' || url.hash !== '' || requested.includes('#')) return requested;
    if (url.username !== '' || url.password !== '') return requested;
    return origins.has(url.origin) && PATHS.test(url.pathname) ? resource : requested;
  };
}

/** Names one resource once, however it was spelled. @param requested as it came: nothing, one, or several */
export function withCanonicalResource(requested: unknown, canonical: (requested: string) => string): unknown {
  if (typeof requested === 'string') return canonical(requested);
  if (!Array.isArray(requested)) return requested;
  const names = new Set(requested.map((name: unknown) => (typeof name === 'string' ? canonical(name) : name)));
  return names.size === 1 ? [...names][0] : [...names];
}
