import { isIP } from 'node:net';

/** Names that no public DNS hands out: `localhost`, a container's or service's own, and those inside a Kubernetes cluster. */
const INSIDE = /^(?:[a-z0-9_-]+|(?:[a-z0-9_-]+\.)+(?:svc|svc\.cluster\.local|localhost))$/;

/**
 * Whether a request may be meant for the health listener (security rule S19). A page of somebody else's reaches it only by a
 * name whose address is theirs to change (DNS rebinding); probes and collectors come by an address, or by a name from inside.
 * @param names others it is reached by
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
