import { signCommand } from '@sallyport/configuration/log';
import type { Database } from '@sallyport/database';
import type { Clock } from '@sallyport/kernel';
import { subjects } from '@sallyport/messages';
import type { Requests } from '@sallyport/messaging';
import type { CryptoKey } from 'jose';
import type { RecordEvent } from '@sallyport/trail';
import type { Revoker } from '../revocation/revoke.js';
import { sendCommand } from '../send-command.js';

export interface RemovalRequest {
  readonly clientId: string;
  readonly reason?: string | undefined;
}

export type RemovalResult =
  | { type: 'removed'; clientId: string; /** How many connections went with it. */ disconnected: number }
  /** A typing error would otherwise look like a success. */
  | { type: 'unknown_registration' }
  /** Its sessions are over, or will be as soon as the bus is reachable; the registration is still there. */
  | { type: 'unavailable'; reason: 'not_published' | 'no_answer' | 'not_ready' | 'refused' };

export interface RemovalContext {
  readonly messaging: Pick<Requests, 'request'>;
  readonly signingKey: CryptoKey;
  /** The authorization server's table; it is only read here. */
  readonly database: Pick<Database, 'dynamicRegistration'>;
  readonly revoker: Pick<Revoker, 'revoke'>;
  readonly lifecycle: RecordEvent;
  readonly clock: Clock;
}

const ANSWER_TIMEOUT_MS = 10_000;

/**
 * Ends everything of an agent that registered itself, at once as a revocation of it does (S28), and has the
 * authorization server, the one writer of registrations, remove it: it has to register, and be let in, anew. Safe to
 * repeat.
 */
export async function removeRegistration(
  { clientId, reason }: RemovalRequest,
  { messaging, signingKey, database, revoker, lifecycle, clock }: RemovalContext,
): Promise<RemovalResult> {
  const known = await database.dynamicRegistration.findUnique({ where: { clientId }, select: { clientName: true } });
  if (!known) return { type: 'unknown_registration' };
  const revoked = await revoker.revoke({ agent: clientId, ...(reason !== undefined && { reason }) });
  if (revoked.type !== 'revoked') return { type: 'unavailable', reason: 'not_published' };
  const command = await signCommand({ v: 1, type: 'remove-registration', clientId, issuedAt: clock() }, signingKey);
  const answer = await sendCommand(messaging, {
    subject: subjects.removeRegistration,
    command,
    timeoutMs: ANSWER_TIMEOUT_MS,
  });
  if (answer !== 'done') return { type: 'unavailable', reason: answer };
  await lifecycle({
    type: 'agent.registration_removal_requested',
    clientId,
    ...(known.clientName !== null && { agentName: known.clientName }),
    ...(reason !== undefined && { reason }),
  });
  return { type: 'removed', clientId, disconnected: revoked.disconnected };
}
