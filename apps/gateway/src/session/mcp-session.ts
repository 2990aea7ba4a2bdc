import { z } from 'zod';
import { BoundedMap, newId } from '@sallyport/kernel';
import type { Caller } from '@sallyport/policy';
import { CLIENT_ABILITIES } from '../protocol/client-abilities.js';
import type { ClientAbilities } from '../protocol/client-abilities.js';
import type { McpSession } from '../protocol/client-message.js';
import { LOG_LEVELS } from '../protocol/log-level.js';
import type { StateSealer } from './state-sealer.js';

/** What the session id of a client holds, sealed (B11). */
const SealedSession = z.object({
  id: z.string(),
  version: z.string(),
  abilities: z.array(z.enum(CLIENT_ABILITIES)).transform((abilities): ClientAbilities => new Set(abilities)),
  /** Set by `logging/setLevel`; the id that says so replaces the one before. `setAt`: milliseconds since the epoch. */
  log: z.object({ level: z.enum(LOG_LEVELS), setAt: z.int() }).optional(),
  /** Seconds since the epoch. */
  expiresAt: z.int(),
});

const LIFETIME_SECONDS = 24 * 60 * 60;

/**
 * Bound to user and agent and to no sign-in: it never authenticates, the bearer does on each request, and a new sign-in
 * keeps it (S16).
 */
const boundTo = (caller: Caller) => [caller.userId, caller.clientId];

export function sealMcpSession(
  sealer: StateSealer,
  caller: Caller,
  { version, abilities }: { version: string; abilities: ClientAbilities },
  now: number,
): string {
  const session: z.input<typeof SealedSession> = {
    id: newId('mss', now),
    version,
    abilities: [...abilities],
    expiresAt: Math.floor(now / 1000) + LIFETIME_SECONDS,
  };
  return sealer.seal('mcp-session', session, boundTo(caller));
}

/** The same session, not begun anew, with another level. */
export function sealLogLevel(
  sealer: StateSealer,
  caller: Caller,
  session: McpSession,
  log: NonNullable<McpSession['log']>,
): string {
  const next: z.input<typeof SealedSession> = { ...session, log, abilities: [...session.abilities] };
  return sealer.seal('mcp-session', next, boundTo(caller));
}

/** Sessions that were opened, each under the id it was opened from: to open one takes as long as half a call. */
export class OpenedSessions {
  readonly #opened = new BoundedMap<
    string,
    { readonly userId: string; readonly clientId: string; session: McpSession }
  >(20_000);
  readonly #sealer: StateSealer;

  constructor(sealer: StateSealer) {
    this.#sealer = sealer;
  }

  /** As `openMcpSession`. */
  open(caller: Caller, sealed: string, now: number): McpSession | undefined {
    const known = this.#opened.get(sealed);
    if (known?.userId === caller.userId && known.clientId === caller.clientId)
      return known.session.expiresAt * 1000 > now ? known.session : undefined;
    const session = openMcpSession(this.#sealer, caller, sealed, now);
    if (session !== undefined) this.#opened.set(sealed, { userId: caller.userId, clientId: caller.clientId, session });
    return session;
  }
}

/** `undefined` for an id that is not ours, not this caller's, or expired; whether it was ended is asked elsewhere. */
export function openMcpSession(
  sealer: StateSealer,
  caller: Caller,
  sealed: string,
  now: number,
): McpSession | undefined {
  const session = SealedSession.safeParse(sealer.open('mcp-session', sealed, boundTo(caller))).data;
  return session !== undefined && session.expiresAt * 1000 > now ? session : undefined;
}
