import { isJsonObject, isResponseTo, parseMessage, reasonOf } from '@sallyport/mcp-relay';
import type { JsonObject, RelayAnswer, RelayFailure, RequestId } from '@sallyport/mcp-relay';
import type { CredentialLease } from './credential-leases.js';

export type ServerResult =
  | { readonly type: 'result'; readonly result: JsonObject; /** Characters of JSON. */ readonly size: number }
  | { readonly type: 'error'; readonly code: number }
  | { readonly type: 'credential-rejected' }
  | { readonly type: 'failed'; readonly reason: RelayFailure | 'protocol'; readonly challenge?: string };

/** The one answer to a request of our own (a list), whether it came as a message or at the end of a stream. */
export async function readAnswer(answer: RelayAnswer, id: RequestId, lease: CredentialLease): Promise<ServerResult> {
  switch (answer.type) {
    case 'failed':
      return {
        type: 'failed',
        reason: answer.reason,
        ...(answer.challenge === undefined ? {} : { challenge: answer.challenge }),
      };
    case 'credential-rejected':
      return answer;
    case 'accepted':
      return { type: 'failed', reason: 'protocol' };
    case 'message':
      return resultOf(answer.message.json, id, lease);
    case 'stream':
      try {
        for await (const message of answer.messages) {
          if (isResponseTo(message, id)) return resultOf(message.json, id, lease);
          message.respond?.({ error: { code: -32601, message: 'Nothing can be asked here.' } });
        }
        return { type: 'failed', reason: 'interrupted' };
      } catch (error) {
        return { type: 'failed', reason: reasonOf(error) };
      }
  }
}

function resultOf(json: string, id: RequestId, lease: CredentialLease): ServerResult {
  const message = parseMessage(lease.redactJson(json));
  if (message === undefined) return { type: 'failed', reason: 'protocol' };
  const { result, error } = message.value;
  if (isJsonObject(error) && typeof error['code'] === 'number') return { type: 'error', code: error['code'] };
  return message.value['id'] === id && isJsonObject(result)
    ? { type: 'result', result, size: json.length }
    : { type: 'failed', reason: 'protocol' };
}
