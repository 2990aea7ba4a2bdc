import { z } from 'zod';
import { newId } from '@sallyport/kernel';
import type { Caller } from '@sallyport/policy';
import { CLIENT_ABILITIES } from '../dialog/client-abilities.js';
import type { ClientAbilities } from '../dialog/client-abilities.js';
import { LOG_LEVELS } from '../inbound/log-level.js';
import type { LogLevel } from '../inbound/log-level.js';
import type { StateSealer } from './state-sealer.js';

/** What a client of 2025-11-25 or older said once, in `initialize`; the id it got back is this, sealed (B11). */
const McpSession = z.object({
  id: z.string(),
  version: z.string(),
  abilities: z.array(z.enum(CLIENT_ABILITIES)).transform((abilities): ClientAbilities => new Set(abilities)),
  /** Set by `logging/setLevel`; the id that says so replaces the one before. `setAt`: milliseconds since the epoch. */
  log: z.object({ level: z.enum(LOG_LEVELS), setAt: z.int() }).optional(),
  /** Seconds since the epoch. */
  expiresAt: z.int(),
});
export type McpSession = z.infer<typeof McpSession>;

const LIFETIME_SECONDS = 24 * 60 * 60;

/** Bound to user and agent and to no sign-in: it never authenticates, the bearer does on each request, and a new sign-in keeps it (S16). */
const boundTo = (caller: Caller) => [caller.userId, caller.clientId];

export function sealMcpSession(
  sealer: StateSealer,
  caller: Caller,
  { version, abilities }: { version: string; abilities: ClientAbilities },
  now: number,
): string {
  const session: z.input<typeof McpSession> = {
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
  level: LogLevel,
  now: number,
): { readonly sealed: string; readonly session: McpSession } {
  const next: McpSession = { ...session, log: { level, setAt: now } };
  const sealed: z.input<typeof McpSession> = { ...next, abilities: [...next.abilities] };
  return { sealed: sealer.seal('mcp-session', sealed, boundTo(caller)), session: next };
}

/** `undefined` for an id that is not ours, not this caller's, or expired; whether it was ended is asked elsewhere. */
export function openMcpSession(
  sealer: StateSealer,
  caller: Caller,
  sealed: string,
  now: number,
): McpSession | undefined {
  const session = McpSession.safeParse(sealer.open('mcp-session', sealed, boundTo(caller))).data;
  return session !== undefined && session.expiresAt * 1000 > now ? session : undefined;
}
