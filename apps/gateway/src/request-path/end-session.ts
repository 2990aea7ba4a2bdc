import { noBody } from '../http/exchange.js';
import type { Answer, InboundRequest } from '../http/exchange.js';
import { openMcpSession } from '../session/mcp-session.js';
import type { Refusal } from './refusal.js';
import type { Admitted, RequestPath } from './request-path.js';

/**
 * `DELETE /mcp` ends a legacy session for all replicas; an id that is unknown, another's, or ended already is not found (R64).
 * It counts as one of its user's calls.
 */
export async function endSession(
  path: RequestPath,
  inbound: InboundRequest,
  { caller }: Admitted,
): Promise<Answer | Refusal> {
  const leave = path.calls.enter(caller.userId);
  if (leave === undefined) return { refused: 'too-many', what: 'calls', byAll: path.calls.isByAll(caller.userId) };
  inbound.onOver(leave);
  const sealed = inbound.headers.get('mcp-session-id');
  if (sealed === undefined) return { refused: 'invalid-request', message: 'Mcp-Session-Id is required.' };
  const session = openMcpSession(path.sealer, caller, sealed, path.clock());
  if (session === undefined || path.endedSessions.has(session.id)) return { refused: 'session-not-found' };
  const ended = await path.endedSessions.end({ id: session.id, userId: caller.userId, expiresAt: session.expiresAt });
  return ended.outcome === 'full'
    ? { refused: 'session-not-ended', retryAfterSeconds: ended.retryAfterSeconds }
    : { status: 204, headers: {}, body: noBody };
}
