import { AnswerReader } from './answer-reader.js';
import type { HttpAnswer } from './http-answer.js';
import { parseMessage } from './json-rpc.js';
import { readAnswer, sessionIdIn } from './read-answer.js';
import { discard } from './read-body.js';
import { byProxy, reasonOf } from './relay-failure.js';
import { MAX_MESSAGE_BYTES } from './relay.js';
import type { DirectRequest, HearAnswer, PostedRequest, RelayAnswer, RelayOptions } from './relay.js';
import { sentHeaders } from './sent-headers.js';

/** Larger answers are read as they come, and may be passed on before they are whole. */
const MOST_GATHERED = 64 * 1024;
/** How every message is posted (2025-11-25, Transports). */
export const JSON_POST = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

/** The same exchange as `post`, without a promise where the answer is small and whole; see `Relay.postDirectly`. */
export function postDirectly(
  { dispatcher, userAgent, maxMessageBytes = MAX_MESSAGE_BYTES }: RelayOptions,
  request: DirectRequest,
  hear: HearAnswer,
): PostedRequest | undefined {
  const { url, credential, headers, body, idleTimeoutMs, room } = request;
  const limits = { ...request, maxMessageBytes: Math.min(request.maxMessageBytes ?? Infinity, maxMessageBytes) };
  if (credential.sign !== undefined || credential.clientCertificate !== undefined) return undefined;
  const reader = new AnswerReader(
    {
      whole: (answer, bytes) => hear(messageIn(answer, bytes)),
      begun: (answer) => hear(readBegun(limits, answer)),
      failed: (error, status) => hear(status === undefined ? failedFor(error) : { ...failedFor(error), status }),
    },
    { room, idleTimeoutMs, mostGathered: Math.min(MOST_GATHERED, limits.maxMessageBytes) },
  );
  dispatcher.dispatch(
    {
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: 'POST',
      headers: { ...sentHeaders(credential, JSON_POST, userAgent, headers), 'accept-encoding': 'identity' },
      body,
      headersTimeout: idleTimeoutMs,
      bodyTimeout: 0, // measured while the body is read
    },
    reader,
  );
  return { abort: () => reader.abort() };
}

function messageIn({ headers }: Pick<HttpAnswer, 'headers'>, bytes: Buffer): RelayAnswer {
  const message = parseMessage(bytes.toString('utf8'));
  return message === undefined
    ? { type: 'failed', reason: 'not-mcp', status: 200 }
    : { type: 'message', status: 200, message, sessionId: sessionIdIn(headers) };
}

async function readBegun(
  { signal, ...request }: DirectRequest & { readonly maxMessageBytes: number },
  answer: HttpAnswer,
): Promise<RelayAnswer> {
  try {
    return await readAnswer(answer, { ...request, mayBeSilent: undefined, signal: signal() });
  } catch (error) {
    discard(answer);
    return { ...failedFor(error), status: answer.statusCode };
  }
}

const failedFor = (error: unknown): Extract<RelayAnswer, { type: 'failed' }> => ({
  type: 'failed',
  reason: reasonOf(error),
  ...byProxy(error),
});
