import { mediaTypeOf } from './http-answer.js';
import type { HttpAnswer } from './http-answer.js';
import { bodyOf, discard, isReadable, messagesOf, readMessage, type ReadLimits } from './read-body.js';
import type { RelayAnswer, StreamPosition } from './relay.js';
import { readEvents } from './server-sent-events.js';

/** What comes with a status that says no. */
export const MAX_ERROR_BYTES = 256 * 1024;
const MAX_LOCATION = 512;
const MAX_RETRY_AFTER_SECONDS = 24 * 3_600;

/** Reads what a server did from the status, the media type and the body of its HTTP answer. */
export async function readAnswer(response: HttpAnswer, limits: ReadLimits): Promise<RelayAnswer> {
  const { statusCode: status } = response;
  const mediaType = mediaTypeOf(response);
  const sessionId = sessionIdIn(response.headers);
  if (status === 401 || isStaleAwsKey(response)) {
    discard(response);
    return { type: 'credential-rejected' };
  }
  if (status === 202 || status === 204) {
    discard(response);
    return { type: 'accepted' };
  }
  if (!isReadable(response)) {
    discard(response);
    return { type: 'failed', reason: 'not-mcp', status };
  }
  if (status !== 200)
    return await readRefusal(
      response,
      { ...limits, maxMessageBytes: Math.min(limits.maxMessageBytes, MAX_ERROR_BYTES), large: undefined },
      mediaType === 'application/json',
      sessionId,
    );
  if (mediaType === 'text/event-stream') {
    const position: StreamPosition = { lastEventId: undefined, retryMs: undefined };
    return { type: 'stream', status, messages: messagesOf(response, limits, position), position, sessionId };
  }
  if (mediaType === 'application/json') {
    const message = await readMessage(response, limits);
    return message === undefined
      ? { type: 'failed', reason: 'not-mcp', status }
      : { type: 'message', status, message, sessionId };
  }
  discard(response);
  return { type: 'failed', reason: 'not-mcp', status };
}

/** Visible ASCII (2025-11-25, session management). */
export function sessionIdIn({ 'mcp-session-id': id }: HttpAnswer['headers']): string | undefined {
  return typeof id === 'string' && /^[\x21-\x7E]+$/.test(id) ? id : undefined;
}

/** Any status may come with the JSON-RPC error that says why. */
async function readRefusal(
  response: HttpAnswer,
  limits: ReadLimits,
  isJson: boolean,
  sessionId: string | undefined,
): Promise<RelayAnswer> {
  const { statusCode: status, headers } = response;
  const retryAfterSeconds = status === 429 || status === 503 ? retryAfter(headers['retry-after']) : undefined;
  const challenge = status === 403 ? headers['www-authenticate'] : undefined;
  const when = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
  const location = status >= 300 && status < 400 ? redirectIn(headers['location'], limits.url) : undefined;
  const message =
    isJson && typeof challenge !== 'string' && location === undefined
      ? await readMessage(response, limits).catch(() => undefined)
      : undefined;
  if (message !== undefined) return { type: 'message', status, message, sessionId, ...when };
  discard(response);
  return {
    type: 'failed',
    reason: location === undefined ? 'http-status' : 'redirected',
    status,
    ...when,
    ...(location === undefined ? {} : { location }),
    ...(typeof challenge === 'string' ? { challenge } : {}),
  };
}

/** Looks at the first event of a stream, and ends it. */
export async function beginsWithEndpoint(response: HttpAnswer, limits: ReadLimits): Promise<boolean> {
  try {
    if (response.statusCode !== 200 || mediaTypeOf(response) !== 'text/event-stream') return false;
    for await (const { event, data } of readEvents(bodyOf(response, limits), limits.maxMessageBytes))
      return event === 'endpoint' && data !== '';
    return false;
  } finally {
    discard(response);
  }
}

/** Without what may be secret in it. */
function redirectIn(location: string | string[] | undefined, from: URL): string | undefined {
  if (typeof location !== 'string' || !URL.canParse(location, from.href)) return undefined;
  const { origin, pathname } = new URL(location, from.href);
  return `${origin}${pathname}`.slice(0, MAX_LOCATION);
}

/** AWS says so with 403 where others say 401. A signature that is wrong, or a right that is missing, is neither. */
const STALE_AWS_KEY = /^(ExpiredToken|ExpiredTokenException|UnrecognizedClientException|InvalidClientTokenId)(:|$)/;

function isStaleAwsKey({ statusCode, headers }: HttpAnswer): boolean {
  return statusCode === 403 && STALE_AWS_KEY.test(String(headers['x-amzn-errortype'] ?? ''));
}

/** Seconds, or a date (RFC 9110 section 10.2.3). */
function retryAfter(value: string | string[] | undefined): number | undefined {
  if (typeof value !== 'string') return undefined;
  const seconds = /^\d+$/.test(value.trim()) ? Number(value) : Math.ceil((Date.parse(value) - Date.now()) / 1_000);
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), MAX_RETRY_AFTER_SECONDS) : undefined;
}
