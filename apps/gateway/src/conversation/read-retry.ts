import type { DocumentOf } from '@sallyport/configuration';
import { isJsonObject } from '@sallyport/mcp-relay';
import type { JsonObject } from '@sallyport/mcp-relay';
import { readResultFor } from '../protocol/question.js';
import { oneLine } from '../protocol/shown-text.js';
import { titleOf } from '../protocol/server-title.js';
import { openRequestState, statefulOperation } from '../session/request-state.js';
import type { RequestState } from '../session/request-state.js';
import type { StateSealer } from '../session/state-sealer.js';
import type { Refusal } from '../protocol/refusal.js';
import type { Call } from '../call/call.js';

/**
 * What a retry after `input_required` brings: our own state, opened, or a refusal. Accepting proves nothing (security
 * rule S16).
 */
export function readRetry(
  sealer: StateSealer,
  call: Call,
  server: DocumentOf<'McpServer'>,
): { readonly params: Record<string, unknown> } | Refusal {
  const { requestState, responses } = call.request.retry;
  if (requestState === undefined) return { params: {} };
  const state = openRequestState(
    sealer,
    call.caller,
    statefulOperation(call.request, server.name),
    requestState,
    call.now,
  );
  if (state === undefined)
    return { type: 'invalid-params', message: 'requestState does not belong to this request, or is too old.' };
  if (state.kind === 'server' || state.kind === 'parked') return readServerRetry(state, responses);
  // What comes after a visited page is the call, made anew; who did not want to go there is not asked again.
  const wasDeclined = Object.values(responses ?? {}).some(
    (response) => isJsonObject(response) && (response['action'] === 'decline' || response['action'] === 'cancel'),
  );
  if (!wasDeclined) return { params: {} };
  return state.kind === 'connect'
    ? { type: 'connect-declined', title: titleOf(server) }
    : { type: 'server-unavailable', title: titleOf(server), reason: 'no-input' };
}

/** The server's own state, verbatim, and answers to what it asked, in the form they must have. */
function readServerRetry(
  { downstream, asked = {} }: RequestState,
  responses: JsonObject = {},
): { readonly params: Record<string, unknown> } | Refusal {
  const inputResponses = new Map<string, JsonObject>();
  for (const [key, method] of Object.entries(asked)) {
    const result = readResultFor(method, responses[key]);
    if (result === undefined)
      return {
        type: 'invalid-params',
        message:
          `inputResponses lacks an answer to ${JSON.stringify(oneLine(key, 128))}, or it is not of the form ` +
          'that was asked for.',
      };
    inputResponses.set(key, result);
  }
  return {
    params: {
      ...(downstream === undefined ? {} : { requestState: downstream }),
      ...(inputResponses.size > 0 ? { inputResponses: Object.fromEntries(inputResponses) } : {}),
    },
  };
}
