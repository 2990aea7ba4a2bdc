import type { DocumentOf } from '@sallyport/configuration';
import { jsonAnswer } from '../http/exchange.js';
import type { Answer } from '../http/exchange.js';
import { titleOf } from '../outbound/server-title.js';
import { decideOperation } from './decide-operation.js';
import { leaseRefusal, readListing } from './reach.js';
import { isRefusal } from './refusal.js';
import type { Refusal } from './refusal.js';
import type { Call } from './request-path.js';

/** Our own `<server>__connect`: a link, or the news that there is nothing to do. */
export async function connectAccount(call: Call, server: DocumentOf<'McpServer'>): Promise<Answer | Refusal> {
  const permit = decideOperation(call, server.name, { type: 'connect' }, { refused: 'denied' });
  if (isRefusal(permit)) return permit;
  // The credential is shown to the server as well: it may ask for more scopes before it lists anything.
  const leased = await readListing(call, permit, server, 'tools');
  if (leased.type !== 'used') return leaseRefusal(call, server, leased);
  // Somebody was faster: what was asked for can be asked for again.
  if (call.request.operation.type !== 'call')
    return {
      refused: 'server-unavailable',
      title: titleOf(server),
      reason: 'credential-unavailable',
      retryAfterSeconds: 1,
    };
  call.facts.connectionId = leased.lease.connectionId ?? undefined;
  const result = {
    ...(call.request.era === 'modern' ? { resultType: 'complete' } : {}),
    content: [{ type: 'text', text: `${titleOf(server)} is connected. List the tools again to see what it offers.` }],
  };
  return jsonAnswer(200, { jsonrpc: '2.0', id: call.request.id, result });
}
