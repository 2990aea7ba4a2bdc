import { z } from 'zod';

/** The agent that a connection is asked for; `null` where its user asks, on the account page. */
export const AskingAgent = z.object({ clientId: z.string(), agentName: z.string(), sid: z.string() });
export type AskingAgent = z.infer<typeof AskingAgent>;

/** Whom a link to the connect page is for. It holds no credential and signs nobody in (S16). */
export const ConnectTicket = z.object({
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
export type ConnectTicket = z.infer<typeof ConnectTicket>;
/** All of it but the time: who asks for what. */
export type ConnectWish = Omit<ConnectTicket, 'issuedAt'>;
