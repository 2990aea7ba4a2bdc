import { textAt } from '@sallyport/kernel/json';
import { errorIn, isJsonObject, isResponseTo, parseMessage, reasonOf } from '@sallyport/mcp-relay';
import type { JsonObject, RelayAnswer, RelayFailure, RequestId, SaidError } from '@sallyport/mcp-relay';
import type { CredentialLease } from './credential-leases.js';

export type ServerResult =
  | {
      readonly type: 'result';
      readonly result: JsonObject;
      /** Its text. */ readonly json: string;
      /** Characters of JSON that came. */ readonly size: number;
    }
  | { readonly type: 'error'; readonly said: SaidError; readonly status: number }
  | { readonly type: 'credential-rejected' }
  | ({
      readonly type: 'failed';
      readonly reason: RelayFailure | 'protocol';
      readonly challenge?: string;
    } & FailureDetail);

/** What a server let us know of a failure, without the credential. */
export interface FailureDetail {
  /** HTTP. */
  readonly status?: number;
  readonly retryAfterSeconds?: number;
  /** Where a redirect leads. */
  readonly location?: string;
  readonly said?: SaidError;
  /** In our words; for operators, not for callers. */
  readonly why?: string;
}

export function failureDetail(
  { status, retryAfterSeconds, location, said, why }: FailureDetail,
  lease: Pick<CredentialLease, 'redact'>,
): FailureDetail {
  return {
    ...(status === undefined || status === 200 ? {} : { status }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(location === undefined ? {} : { location: lease.redact(location) }),
    ...(said === undefined ? {} : { said: shownError(said, lease) }),
    ...(why === undefined ? {} : { why }),
  };
}

const MAX_MESSAGE = 4_096;

/** A server's own words, for whoever asked it. */
export const shownError = ({ code, message }: SaidError, lease: Pick<CredentialLease, 'redact'>): SaidError => ({
  code,
  message: lease.redact(message).slice(0, MAX_MESSAGE),
});

/** The one answer to a request of our own (a list), whether it came as a message or at the end of a stream. */
export async function readAnswer(answer: RelayAnswer, id: RequestId, lease: CredentialLease): Promise<ServerResult> {
  switch (answer.type) {
    case 'failed':
      return {
        type: 'failed',
        reason: answer.reason,
        ...failureDetail(answer, lease),
        ...(answer.challenge === undefined ? {} : { challenge: answer.challenge }),
      };
    case 'credential-rejected':
      return answer;
    case 'accepted':
      return { type: 'failed', reason: 'protocol' };
    case 'message':
      return resultOf(answer.message.json, id, lease, answer);
    case 'stream':
      try {
        for await (const message of answer.messages) {
          if (isResponseTo(message, id)) return resultOf(message.json, id, lease, answer);
          message.respond?.({ error: { code: -32601, message: 'Nothing can be asked here.' } });
        }
        return { type: 'failed', reason: 'interrupted' };
      } catch (error) {
        return { type: 'failed', reason: reasonOf(error) };
      }
  }
}

function resultOf(
  json: string,
  id: RequestId,
  lease: CredentialLease,
  { status }: { readonly status: number },
): ServerResult {
  const message = parseMessage(lease.redactJson(json));
  if (message === undefined) return { type: 'failed', reason: 'protocol' };
  const { result } = message.value;
  const said = errorIn(message);
  if (said !== undefined) return { type: 'error', said: shownError(said, lease), status };
  return isResponseTo(message, id) && isJsonObject(result)
    ? { type: 'result', result, json: textAt(message.json, ['result']) ?? '{}', size: json.length }
    : { type: 'failed', reason: 'protocol' };
}
