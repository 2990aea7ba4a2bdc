import type { DocumentOf } from '@sallyport/configuration';
import { formatEvent, isJsonObject, isResponseTo, parseMessage, reasonOf } from '@sallyport/mcp-relay';
import type { JsonObject, RelayAnswer, ServerMessage } from '@sallyport/mcp-relay';
import { rewriteResult } from '@sallyport/server';
import { textAnswer } from '../http/exchange.js';
import type { Answer, AnswerPiece } from '../http/exchange.js';
import type { CredentialLease } from '../outbound/credential-leases.js';
import { sealRequestState } from '../session/request-state.js';
import { operationOf, titleOf } from './reach.js';
import type { Refusal } from './refusal.js';
import type { Call } from './request-path.js';

const RELAYED_NOTIFICATIONS = new Set(['notifications/progress', 'notifications/message']);

/**
 * A server's answer as the client's answer. What needs no rewriting passes as the bytes it came in; a stream is passed on
 * message by message as fast as the client takes it. `refuseLate` words a failure that shows after a stream has begun.
 */
export async function relayAnswer(
  call: Call,
  server: DocumentOf<'McpServer'>,
  lease: CredentialLease,
  answer: Exclude<RelayAnswer, { type: 'credential-rejected' }>,
  refuseLate: (refusal: Refusal) => Answer,
): Promise<Answer | Refusal> {
  const title = titleOf(server);
  switch (answer.type) {
    case 'failed':
      return { refused: 'server-unavailable', title, reason: answer.reason, retryAfterSeconds: answer.retryAfterSeconds };
    case 'accepted':
      return { refused: 'server-unavailable', title, reason: 'protocol' };
    case 'message': {
      const converted = convertResponse(call, server, lease, answer.message);
      return typeof converted === 'string' ? textAnswer(200, converted) : converted;
    }
    case 'stream':
      return { status: 200, headers: {}, body: { type: 'stream', pieces: pieces(call, server, lease, answer.messages, refuseLate) } };
  }
}

async function* pieces(call: Call, server: DocumentOf<'McpServer'>, lease: CredentialLease, messages: AsyncIterable<ServerMessage>, refuseLate: (refusal: Refusal) => Answer): AsyncGenerator<AnswerPiece> {
  let failure: Refusal = { refused: 'server-unavailable', title: titleOf(server), reason: 'interrupted' };
  try {
    for await (const message of messages) {
      if (isResponseTo(message, call.request.id)) {
        const converted = convertResponse(call, server, lease, message);
        yield { text: formatEvent(typeof converted === 'string' ? converted : textOf(refuseLate(converted))), last: true };
        return;
      }
      const { method, params } = message.value;
      // Written anew from what was looked at: another reader may see another method in the server's text.
      if (typeof method === 'string' && RELAYED_NOTIFICATIONS.has(method) && !('id' in message.value)) yield { text: formatEvent(lease.redact(JSON.stringify({ jsonrpc: '2.0', method, params }))), last: false };
    }
  } catch (error) {
    if (call.inbound.disconnected.aborted) return;
    failure = { refused: 'server-unavailable', title: titleOf(server), reason: reasonOf(error) };
  }
  yield { text: formatEvent(textOf(refuseLate(failure))), last: true };
}

const textOf = (answer: Answer): string => (answer.body.type === 'text' ? answer.body.text : '{}');

/** The response as JSON text for this client, or why there is none. */
function convertResponse(call: Call, server: DocumentOf<'McpServer'>, lease: CredentialLease, received: ServerMessage): string | Refusal {
  const protocolError: Extract<Refusal, { refused: 'server-unavailable' }> = { refused: 'server-unavailable', title: titleOf(server), reason: 'protocol' };
  const json = lease.redactJson(received.json);
  const message = json === received.json ? received : parseMessage(json);
  // A server that could not read the request answers without its id (JSON-RPC 2.0, 5); with another id it answers somebody else.
  const hasNoId = received.value['id'] === null || received.value['id'] === undefined;
  if (message === undefined || !isResponseTo(message, call.request.id)) return hasNoId ? refusedByServer(received, protocolError, lease) : protocolError;
  const { result } = message.value;
  if (!isJsonObject(result)) return refusedByServer(message, protocolError, lease);
  const resultType = result['resultType'] ?? 'complete';
  if (resultType === 'input_required') return inputRequired(call, server, result, protocolError);
  if (resultType !== 'complete') return protocolError;
  const converted = call.request.era === 'modern' ? modernResult(call, server.name, result) : legacyResult(call, server.name, result);
  const isPlain = converted === result && !ASKS_FOR_INPUT.test(message.json);
  return isPlain ? message.json : JSON.stringify({ jsonrpc: '2.0', id: call.request.id, result: Object.fromEntries(Object.entries(converted).filter(([key]) => !ASKS_FOR_INPUT.test(key))) });
}

/** A complete result asks for nothing; a reader that takes the first of two keys, or any letter case, must not find it does (S18). */
const ASKS_FOR_INPUT = /inputrequests/i;

function modernResult(call: Call, server: string, result: JsonObject): JsonObject {
  const rewritten = rewriteResult(result, server, call.prefix);
  // What one user read is nobody else's, whatever the server says about caching.
  const isPrivate = call.request.operation.type !== 'read' || rewritten['cacheScope'] === 'private';
  if (rewritten['resultType'] !== undefined && isPrivate) return rewritten;
  return { ...rewritten, resultType: 'complete', ...(call.request.operation.type === 'read' ? { ttlMs: typeof result['ttlMs'] === 'number' ? result['ttlMs'] : 0, cacheScope: 'private' } : {}) };
}

/** What 2025-11-25 has no words for is left out; structured content that is no object is wrapped. */
function legacyResult(call: Call, server: string, result: JsonObject): JsonObject {
  const { resultType: _type, ttlMs: _ttl, cacheScope: _scope, ...rest } = rewriteResult(result, server, call.prefix);
  const { structuredContent } = rest;
  return structuredContent === undefined || isJsonObject(structuredContent) ? rest : { ...rest, structuredContent: { result: structuredContent } };
}

/** The server wants to be asked again: its state travels sealed in ours. It may not ask the user anything (security rule S18). */
function inputRequired(call: Call, server: DocumentOf<'McpServer'>, result: JsonObject, protocolError: Refusal): string | Refusal {
  const { inputRequests, requestState } = result;
  if (isJsonObject(inputRequests) && Object.keys(inputRequests).length > 0) return { refused: 'server-unavailable', title: titleOf(server), reason: 'asked-for-input' };
  if (typeof requestState !== 'string' || call.request.era !== 'modern') return protocolError;
  const sealed = sealRequestState(call.path.sealer, call.caller, operationOf(call, server.name), { kind: 'server', downstream: requestState }, call.now);
  return JSON.stringify({ jsonrpc: '2.0', id: call.request.id, result: { resultType: 'input_required', requestState: sealed } });
}

/** An error about the operation is the client's to see; one about how we spoke to the server is ours. */
function refusedByServer({ value: { error } }: ServerMessage, protocolError: Extract<Refusal, { refused: 'server-unavailable' }>, lease: CredentialLease): Refusal {
  if (!isJsonObject(error) || typeof error['code'] !== 'number' || typeof error['message'] !== 'string') return protocolError;
  const { code, message, data } = error;
  if (code === -32042) return { ...protocolError, reason: 'asked-for-input' };
  // -32002 is the legacy "resource not found"; other reserved codes speak of versions, headers and sessions.
  const shown = code === -32002 ? -32602 : code;
  const isReserved = shown >= -32768 && shown <= -32000 && shown !== -32602 && shown !== -32603;
  if (isReserved) return protocolError;
  return { refused: 'server-error', code: shown, message: lease.redact(message).slice(0, 4096), ...(data === undefined ? {} : { data: JSON.parse(lease.redact(JSON.stringify(data))) as unknown }) };
}
