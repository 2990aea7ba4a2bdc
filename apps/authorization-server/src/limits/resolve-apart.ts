import { lookup, Resolver, type LookupAddress } from 'node:dns';
import type { OutboundAllowance } from '@sallyport/safe-fetch';

type Done = (error: Error | null, addresses: LookupAddress[]) => void;

const ANSWER_MS = 2_000;
const TRIES = 2;

/**
 * Looks names up that agents name, without the system's resolver: that one holds a thread while it waits, there are
 * four, and whoever runs a name server that never answers would hold them all (S32). Hosts an
 * administrator lists are theirs, and may be known to the system alone.
 */
export function resolveApart(
  allow: OutboundAllowance,
  resolver = new Resolver({ timeout: ANSWER_MS, tries: TRIES }),
): (hostname: string, done: Done) => void {
  return (hostname, done) => {
    const listed = typeof allow === 'function' ? allow() : allow;
    if (listed.some(({ host }) => host === hostname))
      return lookup(hostname, { all: true, verbatim: true }, (error, addresses) => done(error, addresses ?? []));
    const found: LookupAddress[] = [];
    let waiting = 2;
    let failure: Error | null = null;
    const answered = (family: 4 | 6) => (error: Error | null, addresses: string[] | undefined) => {
      if (error && (family === 4 || !failure)) failure = error;
      found.push(...(addresses ?? []).map((address) => ({ address, family })));
      waiting -= 1;
      if (waiting === 0) done(found.length > 0 ? null : failure, found);
    };
    resolver.resolve4(hostname, answered(4));
    resolver.resolve6(hostname, answered(6));
  };
}
