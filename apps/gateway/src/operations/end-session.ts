import type { Clock } from '@sallyport/kernel';
import type { Admitted } from '../call/call.js';
import type { Places } from '../call/places.js';
import { noBody } from '../protocol/exchange.js';
import type { Answer, InboundRequest } from '../protocol/exchange.js';
import type { Refusal } from '../protocol/refusal.js';
import type { EndedSessions } from '../session/ended-sessions.js';
import { openMcpSession } from '../session/mcp-session.js';
import type { StateSealer } from '../session/state-sealer.js';

export interface EndSessionUses {
  readonly calls: Places;
  readonly sealer: StateSealer;
  readonly endedSessions: EndedSessions;
  readonly clock: Clock;
}

/**
 * `DELETE /mcp` ends a legacy session for all replicas; an id that is unknown, another's, or ended already is not found
 * (R64). It counts as one of its user's calls.
 */
export async function endSession(
  { calls, sealer, endedSessions, clock }: EndSessionUses,
  inbound: InboundRequest,
  { caller }: Admitted,
): Promise<Answer | Refusal> {
  const { userId } = caller;
  const leave = calls.enter(userId);
  if (leave === undefined) return { type: 'too-many', what: 'calls', byAll: calls.isByAll(userId) };
  inbound.onOver(leave);
  const sealed = inbound.headers.get('mcp-session-id');
  if (sealed === undefined) return { type: 'invalid-request', message: 'Mcp-Session-Id is required.' };
  const session = openMcpSession(sealer, caller, sealed, clock());
  if (session === undefined || endedSessions.has(session.id)) return { type: 'session-not-found' };
  const ended = await endedSessions.end({ id: session.id, userId, expiresAt: session.expiresAt });
  return ended.outcome === 'full'
    ? { type: 'session-not-ended', retryAfterSeconds: ended.retryAfterSeconds }
    : { status: 204, headers: {}, body: noBody };
}
