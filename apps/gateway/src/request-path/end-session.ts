import { noBody } from '../http/exchange.js';
import type { Answer, InboundRequest } from '../http/exchange.js';
import { openMcpSession } from '../session/mcp-session.js';
import type { Refusal } from './refusal.js';
import type { Admitted, RequestPath } from './request-path.js';

/** `DELETE /mcp` ends a legacy session for all replicas; an id that is unknown, another's, or ended already is not found (R64). */
export async function endSession(path: RequestPath, inbound: InboundRequest, { caller, snapshot }: Admitted): Promise<Answer | Refusal> {
  const sealed = inbound.headers.get('mcp-session-id');
  if (sealed === undefined) return { refused: 'invalid-request', message: 'Mcp-Session-Id is required.' };
  const session = openMcpSession(path.sealer, caller, sealed, path.clock());
  if (session === undefined || path.endedSessions.has(session.id) || snapshot.revocations.isMcpSessionEnded(session.id)) return { refused: 'session-not-found' };
  await path.endedSessions.end(session);
  return { status: 204, headers: {}, body: noBody };
}
