import { createHash } from 'node:crypto';

/** What many model APIs accept in a function name; narrower than MCP's own charset. */
const ACCEPTED = /^[A-Za-z0-9_-]+$/;
const DIGEST_LENGTH = 10;

/**
 * `server`: `<server>__<own name>`; `never`: the server's own names, possible with a single server only (security rule
 * S12).
 */
export type NamePrefix = 'server' | 'never';

/** How tools and prompts are called toward agents. */
export interface Naming {
  readonly prefix: NamePrefix;
  /** Characters that a name of ours has at most; at least 32. */
  readonly longest: number;
}

/**
 * The name under which agents see a tool or a prompt: of `[A-Za-z0-9_-]`, at most as long as the naming says. A name
 * that does not fit is cut and carries a digest of the whole, so it stays the same from day to day and differs from its
 * neighbours. With `never` the name is the server's own. A server's own tool never bears the name of our connect tool:
 * what asks a user to connect is always us.
 */
export function publicName(server: string, own: string, naming: Naming): string {
  const reserved = connectToolName(server, naming);
  if (naming.prefix === 'never' && own !== reserved) return own;
  const full = naming.prefix === 'never' ? own : `${server}__${own}`;
  return full !== reserved && fits(full, naming) ? full : shortened(full, naming);
}

/** The one tool a server offers a user who has not connected an account there. */
export function connectToolName(server: string, naming: Pick<Naming, 'longest'>): string {
  const full = `${server}__connect`;
  // Not the digest that a server's own `connect` has.
  return fits(full, naming) ? full : shortened(full, naming, `our own ${full}`);
}

/**
 * Of the servers a caller may reach, those whose catalogue can hold this public name. It narrows down what to load; the
 * tool itself is found only by looking the whole name up in the catalogue.
 */
export function serversThatMayOffer(name: string, servers: readonly string[], naming: Naming): readonly string[] {
  if (naming.prefix === 'never') return servers;
  return servers.filter((server) => name.startsWith(`${server}__`.slice(0, roomBeforeDigest(naming))));
}

const fits = (full: string, { longest }: Pick<Naming, 'longest'>): boolean =>
  full.length <= longest && ACCEPTED.test(full);

const roomBeforeDigest = ({ longest }: Pick<Naming, 'longest'>): number => longest - DIGEST_LENGTH - 1;

function shortened(full: string, naming: Pick<Naming, 'longest'>, digested = full): string {
  const digest = createHash('sha256').update(digested).digest('hex').slice(0, DIGEST_LENGTH);
  return `${full.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, roomBeforeDigest(naming))}_${digest}`;
}
