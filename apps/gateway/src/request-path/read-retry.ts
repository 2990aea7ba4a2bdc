import type { DocumentOf } from '@sallyport/configuration';
import { isJsonObject } from '@sallyport/mcp-relay';
import { openRequestState } from '../session/request-state.js';
import { operationOf, titleOf } from './reach.js';
import type { Refusal } from './refusal.js';
import type { Call } from './request-path.js';

/** What a retry after `input_required` brings: our own state, opened, or a refusal. Accepting proves nothing (security rule S16). */
export function readRetry(call: Call, server: DocumentOf<'McpServer'>): { readonly params: Record<string, unknown> } | Refusal {
  const { requestState, responses } = call.request.retry;
  if (requestState === undefined) return { params: {} };
  const state = openRequestState(call.path.sealer, call.caller, operationOf(call, server.name), requestState, call.now);
  if (state === undefined) return { refused: 'invalid-params', message: 'requestState does not belong to this request, or is too old.' };
  if (state.kind === 'server') return { params: { ...(state.downstream === undefined ? {} : { requestState: state.downstream }), ...(responses === undefined ? {} : { inputResponses: responses }) } };
  const response = responses?.['connect'];
  const action = isJsonObject(response) ? response['action'] : undefined;
  return action === 'decline' || action === 'cancel' ? { refused: 'connect-declined', title: titleOf(server) } : { params: {} };
}
