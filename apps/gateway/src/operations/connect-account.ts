import type { DocumentOf } from '@sallyport/configuration';
import { connectToolName } from '@sallyport/server';
import type { Call } from '../call/call.js';
import type { Decisions } from '../call/decide-operation.js';
import type { ReadListing } from '../call/read-listing.js';
import { refusalOfLease } from '../call/refusal-of-lease.js';
import { jsonAnswer } from '../protocol/exchange.js';
import type { Answer } from '../protocol/exchange.js';
import { isRefusal } from '../protocol/refusal.js';
import type { Refusal } from '../protocol/refusal.js';
import { titleOf } from '../protocol/server-title.js';
import type { StateSealer } from '../session/state-sealer.js';

export interface ConnectAccountUses {
  readonly decisions: Decisions;
  readonly readListing: ReadListing;
  readonly sealer: StateSealer;
}

/**
 * Answers a call that needs an account of the user's first: with a link, or with the news that there is nothing to do.
 */
export type ConnectAccount = (call: Call, server: DocumentOf<'McpServer'>) => Promise<Answer | Refusal>;

/** Also what the gateway's own tool `<server>__connect` does. */
export function createConnectAccount({ decisions, readListing, sealer }: ConnectAccountUses): ConnectAccount {
  return async (call, server) => {
    const permit = decisions.permit(call, server.name, { type: 'connect' }, { type: 'denied' });
    if (isRefusal(permit)) return permit;
    // The credential is shown to the server as well: it may ask for more scopes before it lists anything.
    const leased = await readListing(call, permit, server, 'tools');
    const { id, era, operation } = call.request;
    if (leased.type !== 'used') {
      const refusal = refusalOfLease(sealer, call, server, leased);
      const isAskedFor = operation.type === 'call' && operation.name === connectToolName(server.name, call.naming);
      return isAskedFor && refusal.type === 'connect-required' ? { ...refusal, isAskedFor } : refusal;
    }
    // Somebody was faster: what was asked for can be asked for again.
    if (operation.type !== 'call')
      return {
        type: 'server-unavailable',
        title: titleOf(server),
        reason: 'credential-unavailable',
        retryAfterSeconds: 1,
      };
    call.notes.leased(leased.lease);
    const text = `${titleOf(server)} is connected. List the tools again to see what it offers.`;
    const result = { ...(era === 'modern' ? { resultType: 'complete' } : {}), content: [{ type: 'text', text }] };
    return jsonAnswer(200, { jsonrpc: '2.0', id, result });
  };
}
