import { signCommand } from '@sallyport/configuration';
import type { Database } from '@sallyport/database';
import { SallyportError, type Clock } from '@sallyport/kernel';
import { CommandAnswer, subjects } from '@sallyport/messages';
import { request, type Messaging } from '@sallyport/messaging';
import type { CryptoKey } from 'jose';
import { z } from 'zod';
import { text } from '../admin/text.js';
import type { LifecycleRecorder } from '../events/record-lifecycle.js';
import type { Revoker } from '../revocation/revoke.js';

export const RemovalRequest = z.strictObject({ clientId: text(64), reason: text(500).optional() });

export type RemovalResult =
  | { outcome: 'removed'; clientId: string; /** How many connections went with it. */ disconnected: number }
  /** A typing error would otherwise look like a success. */
  | { outcome: 'unknown_registration' }
  /** Its sessions are over, or will be as soon as the bus is reachable; the registration is still there. */
  | { outcome: 'unavailable'; reason: 'not_published' | 'no_answer' | 'not_ready' | 'refused' };

export interface RemovalContext {
  readonly messaging: Pick<Messaging, 'client'>;
  readonly signingKey: CryptoKey;
  /** The authorization server's table; it is only read here. */
  readonly database: Pick<Database, 'dynamicRegistration'>;
  readonly revoker: Pick<Revoker, 'revoke'>;
  readonly lifecycle: LifecycleRecorder;
  readonly clock: Clock;
}

const ANSWER_TIMEOUT_MS = 10_000;

/**
 * Ends everything of an agent that registered itself, at once as a revocation of it does (S28), and has the authorization
 * server, the one writer of registrations, remove it: it has to register, and be let in, anew. Safe to repeat.
 * @throws {z.ZodError} when the request is not one
 */
export async function removeRegistration(
  body: unknown,
  { messaging, signingKey, database, revoker, lifecycle, clock }: RemovalContext,
): Promise<RemovalResult> {
  const { clientId, reason } = RemovalRequest.parse(body);
  const known = await database.dynamicRegistration.findUnique({ where: { clientId }, select: { clientName: true } });
  if (!known) return { outcome: 'unknown_registration' };
  const revoked = await revoker.revoke({ agent: clientId, ...(reason !== undefined && { reason }) });
  if (revoked.outcome !== 'revoked') return { outcome: 'unavailable', reason: 'not_published' };
  const command = await signCommand({ v: 1, type: 'remove-registration', clientId, issuedAt: clock() }, signingKey);
  let answer: CommandAnswer;
  try {
    answer = CommandAnswer.parse(
      await request(messaging.client(), subjects.removeRegistration, { command }, { timeoutMs: ANSWER_TIMEOUT_MS }),
    );
  } catch (error) {
    if (error instanceof SallyportError) return { outcome: 'unavailable', reason: 'no_answer' };
    throw error;
  }
  if (answer.outcome !== 'done') return { outcome: 'unavailable', reason: answer.outcome };
  await lifecycle({
    type: 'agent.registration_removal_requested',
    clientId,
    ...(known.clientName !== null && { agentName: known.clientName }),
    ...(reason !== undefined && { reason }),
  });
  return { outcome: 'removed', clientId, disconnected: revoked.disconnected };
}
