import type { Clock } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import { z } from 'zod';

const PURPOSE = 'connect-ticket';
const LIFETIME_MS = 15 * 60 * 1000;

/** The agent that a connection is asked for; `null` where its user asks, on the account page. */
export const AskingAgent = z.object({ clientId: z.string(), agentName: z.string(), sid: z.string() });
export type AskingAgent = z.infer<typeof AskingAgent>;

/** Whom a link to the connect page is for. It holds no credential and signs nobody in (S16). */
const Ticket = z.object({
  userId: z.string(),
  agent: AskingAgent.nullable(),
  server: z.string(),
  credentialProvider: z.string(),
  /** The existing connection of this revision does not work any more: make a new grant. */
  replaces: z.int().nullable(),
  /** What the new grant is asked for, where the server wants more than the old one had (security rule S24). */
  scopes: z.array(z.string()).optional(),
  issuedAt: z.int(),
});
export type ConnectTicket = z.infer<typeof Ticket>;
export type OpenedTicket =
  | { readonly type: 'valid'; readonly ticket: ConnectTicket }
  | { readonly type: 'expired' }
  | { readonly type: 'invalid' };

export function sealConnectTicket(ticket: Omit<ConnectTicket, 'issuedAt'>, sealer: Sealer, clock: Clock): string {
  return sealer.seal(PURPOSE, JSON.stringify({ ...ticket, issuedAt: clock() }), '').toString('base64url');
}

export function openConnectTicket(text: string, sealer: Sealer, clock: Clock): OpenedTicket {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) return { type: 'invalid' }; // decoding skips what is no base64url, and the text becomes a path again
  let opened: unknown;
  try {
    opened = JSON.parse(sealer.open(PURPOSE, Buffer.from(text, 'base64url'), '').toString());
  } catch {
    return { type: 'invalid' }; // altered, truncated, or not a ticket
  }
  const parsed = Ticket.safeParse(opened);
  if (!parsed.success) return { type: 'invalid' };
  return clock() - parsed.data.issuedAt > LIFETIME_MS ? { type: 'expired' } : { type: 'valid', ticket: parsed.data };
}
