import { z } from 'zod';
import { newId } from '@sallyport/kernel';
import type { Caller } from '@sallyport/policy';
import type { StateSealer } from './state-sealer.js';

/** What a client of 2025-11-25 or older said once, in `initialize`; the id it got back is this, sealed (B11). */
const McpSession = z.object({
  id: z.string(),
  version: z.string(),
  elicitsUrl: z.boolean(),
  /** Seconds since the epoch. */
  expiresAt: z.int(),
});
export type McpSession = z.infer<typeof McpSession>;

const LIFETIME_SECONDS = 24 * 60 * 60;

/** Bound to user and agent, not to one sign-in: it never authenticates, the bearer does on each request. */
const boundTo = (caller: Caller) => [caller.userId, caller.clientId];

export function sealMcpSession(sealer: StateSealer, caller: Caller, facts: { version: string; elicitsUrl: boolean }, now: number): string {
  const session: McpSession = { id: newId('mss', now), ...facts, expiresAt: Math.floor(now / 1000) + LIFETIME_SECONDS };
  return sealer.seal('mcp-session', session, boundTo(caller));
}

/** `undefined` for an id that is not ours, not this caller's, or expired; whether it was ended is asked elsewhere. */
export function openMcpSession(sealer: StateSealer, caller: Caller, sealed: string, now: number): McpSession | undefined {
  const session = McpSession.safeParse(sealer.open('mcp-session', sealed, boundTo(caller))).data;
  return session !== undefined && session.expiresAt * 1000 > now ? session : undefined;
}
