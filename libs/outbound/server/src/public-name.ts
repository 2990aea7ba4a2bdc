import { createHash } from 'node:crypto';

/** What many model APIs accept as a function name; narrower than MCP's own charset. */
const MAX_LENGTH = 64;
const ACCEPTED = /^[A-Za-z0-9_-]+$/;
const DIGEST_LENGTH = 10;

/** `server`: `<server>__<own name>`; `never`: the server's own names, possible with a single server only (security rule S12). */
export type NamePrefix = 'server' | 'never';

/**
 * The name under which agents see a tool or a prompt. Within 64 of `[A-Za-z0-9_-]`; a name that does not fit is cut and carries a digest of the whole,
 * so it stays the same from day to day and differs from its neighbours. With `never` the name is the server's own.
 * A server's own tool never bears the name of our connect tool: what asks a user to connect is always us.
 */
export function publicName(server: string, own: string, prefix: NamePrefix): string {
  const reserved = connectToolName(server);
  if (prefix === 'never' && own !== reserved) return own;
  const full = prefix === 'never' ? own : `${server}__${own}`;
  if (full.length <= MAX_LENGTH && ACCEPTED.test(full) && full !== reserved) return full;
  const digest = createHash('sha256').update(full).digest('hex').slice(0, DIGEST_LENGTH);
  return `${full.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, MAX_LENGTH - DIGEST_LENGTH - 1)}_${digest}`;
}

/** The one tool a server offers a user who has not connected an account there. */
export function connectToolName(server: string): string {
  return `${server}__connect`;
}

/**
 * Of the servers a caller may reach, those whose catalogue can hold this public name. It narrows down what to load; the
 * tool itself is found only by looking the whole name up in the catalogue.
 */
export function serversThatMayOffer(name: string, servers: readonly string[], prefix: NamePrefix): readonly string[] {
  return prefix === 'never' ? servers : servers.filter((server) => name.startsWith(`${server}__`));
}
