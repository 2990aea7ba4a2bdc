import type { Clock } from '@sallyport/kernel';
import { errorIn, inWordsOf, isJsonObject, isResponseTo, MODERN_VERSION, parseMessage } from '@sallyport/mcp-relay';
import type { JsonObject, ServerMessage } from '@sallyport/mcp-relay';
import { linkAsText, rewriteResult } from '@sallyport/server';
import { abilitiesToward, capabilitiesOf, readClientAbilities } from '../protocol/client-abilities.js';
import { inputRequestsOf, MAX_QUESTIONS, readQuestion, readQuestions } from '../protocol/question.js';
import type { Question } from '../protocol/question.js';
import { mayNeedInput } from '../protocol/client-message.js';
import type { Catalogues } from '../outbound/catalogues.js';
import { shownError } from '../outbound/read-answer.js';
import { titleOf } from '../protocol/server-title.js';
import { sealRequestState, statefulOperation } from '../session/request-state.js';
import type { RequestState } from '../session/request-state.js';
import type { StateSealer } from '../session/state-sealer.js';
import { begunTask, taskAnswer, withoutRelatedTask } from './convert-task.js';
import type { Refusal } from '../protocol/refusal.js';
import type { Call } from '../call/call.js';
import type { Outcome, Asked } from './server-call.js';

export interface ConvertUses {
  readonly sealer: StateSealer;
  readonly clock: Clock;
  /** What the server offers may have changed when it refuses a call. */
  readonly catalogues: Catalogues;
}

type Unavailable = Extract<Refusal, { type: 'server-unavailable' }>;

/**
 * A server's response as JSON text for this client, what it wants to know first, or why there is none.
 * @param isAnew also what could pass as the bytes it came in is written anew
 */
export function convertResponse(
  uses: ConvertUses,
  serverCall: Asked,
  received: ServerMessage,
  isAnew = false,
): Outcome {
  const { call, server, lease } = serverCall;
  const protocolError: Unavailable = { type: 'server-unavailable', title: titleOf(server), reason: 'protocol' };
  const json = lease.redactJson(received.json);
  const message = json === received.json ? received : parseMessage(json);
  // A server that could not read the request answers without its id (JSON-RPC 2.0, 5); with another id it answers
  // somebody else.
  const hasNoId = received.value['id'] === null || received.value['id'] === undefined;
  if (message === undefined || !isResponseTo(message, call.request.id))
    return hasNoId ? refusedByServer(uses, serverCall, received, protocolError) : protocolError;
  const { result, error } = message.value;
  // A server without the capability has no suggestions: we advertise what some server can.
  if (call.request.operation.type === 'complete' && isJsonObject(error) && error['code'] === METHOD_NOT_FOUND)
    return { text: noSuggestions(call) };
  if (!isJsonObject(result)) return refusedByServer(uses, serverCall, message, protocolError);
  if (call.request.operation.type === 'task') return taskAnswer(serverCall, message, result, protocolError);
  const resultType = result['resultType'] ?? 'complete';
  if (resultType === 'task') return begunTask(uses.sealer, serverCall, message, result, protocolError);
  if (resultType === 'input_required' && mayNeedInput(call.request))
    return inputRequired(uses, serverCall, result, protocolError);
  if (resultType !== 'complete') return protocolError;
  const converted =
    call.request.era === 'modern' ? modernResult(call, server.name, result) : legacyResult(call, server.name, result);
  call.notes.resulted(isAnew ? undefined : converted, lease);
  const isPlain =
    !isAnew &&
    converted === result &&
    message.value['id'] === call.request.id &&
    saysOneThing(message, result) &&
    !ASKS_FOR_INPUT.test(message.json);
  return {
    text: isPlain
      ? message.json
      : inWordsOf(message, {
          jsonrpc: '2.0',
          id: call.request.id,
          result: Object.fromEntries(
            Object.entries(converted).filter(([key]) => !ASKS_FOR_INPUT.test(key) && !isLookAlike(key)),
          ),
        }),
  };
}

const METHOD_NOT_FOUND = -32601;
const noSuggestions = ({ request: { era, id } }: Call): string =>
  JSON.stringify({
    jsonrpc: '2.0',
    id,
    result: { ...(era === 'modern' ? { resultType: 'complete' } : {}), completion: { values: [] } },
  });

/**
 * A complete result asks for nothing; a reader that takes the first of two keys, or any letter case, must not find it
 * does (S18).
 */
const ASKS_FOR_INPUT = /inputrequests/i;
/**
 * To every reader: one that takes the first of two keys, or any letter case, must not find another id or another
 * content than we did (S10).
 */
const saysOneThing = ({ repeatsKeys, value }: ServerMessage, result: JsonObject): boolean =>
  repeatsKeys !== true && Object.keys(value).every((key) => MEMBERS.has(key)) && !Object.keys(result).some(isLookAlike);

const MEMBERS = new Set(['jsonrpc', 'id', 'result']);
const WORDS = new Map(
  ['resultType', 'content', 'contents', 'messages', 'structuredContent', 'isError', '_meta'].map((word) => [
    word.toLowerCase(),
    word,
  ]),
);
/** What we looked at and rewrote, in another letter case: some readers do not tell the two apart. */
const isLookAlike = (key: string): boolean => (WORDS.get(key.toLowerCase()) ?? key) !== key;

function modernResult(call: Call, server: string, result: JsonObject): JsonObject {
  const rewritten = withoutRelatedTask(rewriteResult(result, server, call.naming.prefix));
  // What one user read is nobody else's, whatever the server says about caching.
  const isPrivate = call.request.operation.type !== 'read' || rewritten['cacheScope'] === 'private';
  if (rewritten['resultType'] !== undefined && isPrivate) return rewritten;
  return {
    ...rewritten,
    resultType: 'complete',
    ...(call.request.operation.type === 'read' ? { ttlMs: ttlIn(result), cacheScope: 'private' } : {}),
  };
}

/** Milliseconds, of what a server says a whole number up to an hour. */
function ttlIn({ ttlMs }: JsonObject): number {
  return typeof ttlMs === 'number' && ttlMs > 0 ? Math.min(Math.floor(ttlMs), MAX_TTL_MS) : 0;
}
const MAX_TTL_MS = 3_600_000;

/** What 2025-11-25 has no words for is left out; structured content that is no object is wrapped. */
function legacyResult(call: Call, server: string, result: JsonObject): JsonObject {
  const rest = withoutModernWords(withoutRelatedTask(rewriteResult(result, server, call.naming.prefix)));
  const { structuredContent } = rest;
  const { version } = call.request;
  const worded = version < LINKS_SINCE ? inOlderWords(rest, version) : rest;
  return structuredContent === undefined || isJsonObject(structuredContent)
    ? worded
    : { ...worded, structuredContent: { result: structuredContent } };
}

/** The same object, where there are none. */
function withoutModernWords(result: JsonObject): JsonObject {
  if (!('resultType' in result || 'ttlMs' in result || 'cacheScope' in result)) return result;
  const { resultType: _type, ttlMs: _ttl, cacheScope: _scope, ...rest } = result;
  return rest;
}

const LINKS_SINCE = '2025-06-18';
const SOUND_SINCE = '2025-03-26';

/**
 * A client of 2025-03-26 knows text, images, sound and embedded resources, one of 2024-11-05 no sound either. A link is
 * told in text, and that there was a sound.
 */
function inOlderWords(result: JsonObject, version: string): JsonObject {
  const worded = (block: unknown): unknown => {
    if (!isJsonObject(block)) return block;
    if (block['type'] === 'resource_link') return linkAsText(block);
    return block['type'] === 'audio' && version < SOUND_SINCE ? soundAsText(block) : block;
  };
  const { content, messages } = result;
  return {
    ...result,
    ...(Array.isArray(content) ? { content: content.map(worded) } : {}),
    ...(Array.isArray(messages)
      ? {
          messages: messages.map((message: unknown) =>
            isJsonObject(message) ? { ...message, content: worded(message['content']) } : message,
          ),
        }
      : {}),
  };
}

function soundAsText({ mimeType }: JsonObject): JsonObject {
  const kind = typeof mimeType === 'string' ? ` (${mimeType})` : '';
  return { type: 'text', text: `A sound${kind} that clients of 2024-11-05 cannot be sent.` };
}

/**
 * The server wants something first, or just to be asked again (2026-07-28, multi-round-trip requests). A modern client
 * gets the questions with the server's state sealed in ours; a legacy one is asked on its stream, except for a mere
 * visit to a URL, for which 2025-11-25 has an error. One question that may not be asked fails the call (security rule
 * S18).
 */
function inputRequired(
  uses: ConvertUses,
  { call, server, abilities }: Asked,
  result: JsonObject,
  protocolError: Unavailable,
): Outcome {
  const { inputRequests = {}, requestState } = result;
  if (!isJsonObject(inputRequests) || (requestState !== undefined && typeof requestState !== 'string'))
    return protocolError;
  const questions = readQuestions(inputRequests, { server, abilities, version: call.request.version });
  if (questions === undefined) return { ...protocolError, reason: 'asked-for-input' };
  if (questions.size === 0 && requestState === undefined) return protocolError;
  if (call.request.era === 'modern')
    return { text: askModernClient(uses, call, server.name, questions, { kind: 'server', downstream: requestState }) };
  const visits = [...questions.values()].filter(({ params }) => params['mode'] === 'url');
  if (visits.length > 0 && visits.length === questions.size && call.request.version >= '2025-11-25')
    return { type: 'visit-required', visits: visits.map(({ params }) => params) };
  return { questions, requestState };
}

/** The text that ends a modern client's request with questions; it brings the answers with its retry. */
export function askModernClient(
  { sealer, clock }: Pick<ConvertUses, 'sealer' | 'clock'>,
  call: Call,
  server: string,
  questions: ReadonlyMap<string, Question>,
  state: Pick<RequestState, 'kind' | 'downstream' | 'parked'>,
): string {
  const asked = Object.fromEntries([...questions].map(([key, { method }]) => [key, method]));
  const requestState = sealRequestState(
    sealer,
    call.caller,
    statefulOperation(call.request, server),
    { ...state, asked },
    clock(),
  );
  return JSON.stringify({
    jsonrpc: '2.0',
    id: call.request.id,
    result: {
      resultType: 'input_required',
      ...(questions.size > 0 ? { inputRequests: inputRequestsOf(questions) } : {}),
      requestState,
    },
  });
}

/**
 * What the server says is the client's to read, in the server's words; only what is about how we spoke to it is ours.
 */
function refusedByServer(
  uses: ConvertUses,
  serverCall: Asked,
  received: ServerMessage,
  protocolError: Unavailable,
): Outcome {
  const error = errorIn(received);
  if (error === undefined) return protocolError;
  uses.catalogues.doubt(serverCall.lease);
  const data = isJsonObject(received.value['error']) ? received.value['error']['data'] : undefined;
  const { code, message } = shownError(error, serverCall.lease);
  if (code === URL_ELICITATION_REQUIRED) return visitRequired(uses, serverCall, data, protocolError);
  if (code === MISSING_CAPABILITY) return missingCapability(serverCall, data, protocolError);
  // As of a task that is not this caller's: whose it is the server cannot tell, and need not (S15).
  if (code === -32602 && serverCall.call.request.operation.type === 'task') return { type: 'unknown-task' };
  if (OURS.has(code)) return { ...protocolError, said: { code, message } };
  const told = redacted(serverCall, data);
  // -32002 is the legacy "resource not found".
  return {
    type: 'server-error',
    code: code === -32002 ? -32602 : code,
    message,
    ...(told === undefined || JSON.stringify(told).length > MAX_DATA ? {} : { data: told }),
  };
}

/**
 * A part of a message without the credential; `undefined` where it stood in more than a text, and what is left is no
 * JSON.
 */
function redacted({ lease }: Pick<Asked, 'lease'>, data: unknown): unknown {
  if (data === undefined) return undefined;
  try {
    return JSON.parse(lease.redact(JSON.stringify(data)));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

/**
 * What was sent was not understood, or of the wrong revision: parse error, invalid request, header mismatch,
 * unsupported version.
 */
const OURS: ReadonlySet<number> = new Set([-32700, -32600, -32020, -32022]);
/** Characters of JSON. */
const MAX_DATA = 64 * 1024;
const URL_ELICITATION_REQUIRED = -32042;
const MISSING_CAPABILITY = -32021;

/**
 * What a modern client could declare, and would then be used, it is told; everything else the server has to do without.
 */
function missingCapability({ call, server }: Asked, data: unknown, protocolError: Unavailable): Refusal {
  const required = readClientAbilities(isJsonObject(data) ? data['requiredCapabilities'] : undefined, MODERN_VERSION);
  const isCurable =
    required.size > 0 &&
    abilitiesToward(server, required).size === required.size &&
    [...required].some((ability) => !call.request.abilities.has(ability));
  if (isCurable && call.request.era === 'modern')
    return { type: 'missing-capability', required: capabilitiesOf(required) };
  return { ...protocolError, reason: required.has('tasks') ? 'needs-tasks' : 'asked-for-input' };
}

/** A legacy server sends the user to a page first (2025-11-25, URL mode): in the words of the client's own era. */
function visitRequired(uses: ConvertUses, serverCall: Asked, data: unknown, protocolError: Unavailable): Outcome {
  const { call, server, abilities } = serverCall;
  const elicitations = isJsonObject(data) ? redacted(serverCall, data['elicitations']) : undefined;
  if (!Array.isArray(elicitations) || elicitations.length === 0 || elicitations.length > MAX_QUESTIONS)
    return protocolError;
  const questions = new Map<string, Question>();
  for (const [index, elicitation] of elicitations.entries()) {
    const question = readQuestion(
      'elicitation/create',
      isJsonObject(elicitation) ? { ...elicitation, mode: 'url' } : undefined,
      { server, abilities, version: call.request.version },
    );
    if (question === undefined) return { ...protocolError, reason: 'asked-for-input' };
    questions.set(`visit-${index + 1}`, question);
  }
  return call.request.era === 'modern'
    ? { text: askModernClient(uses, call, server.name, questions, { kind: 'visit' }) }
    : { type: 'visit-required', visits: [...questions.values()].map(({ params }) => params) };
}
