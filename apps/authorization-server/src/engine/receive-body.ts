import { IncomingMessage, type ServerResponse } from 'node:http';
import { bodyWords, readBody, type BodyRefusal, type HeldBytes } from '@sallyport/http';

/** What has a body by its method; one that others send is not read. */
const WITH_BODY = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/**
 * The request with its whole body there to be read: the engine reads bodies itself, with limits of its own only, so
 * what it gets has been bounded and counted before (S33).
 */
export async function receiveBody(
  request: IncomingMessage,
  maxBytes: number,
  held: HeldBytes,
): Promise<IncomingMessage | BodyRefusal> {
  if (!WITH_BODY.has(request.method ?? '')) return request;
  const chunks = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  const body = await readBody({ chunks, contentLength: request.headers['content-length'] }, maxBytes, held);
  return typeof body === 'string' ? body : withBody(request, body, request.headers);
}

/** In the words of RFC 6749 section 5.2. What is left of the body is taken in and dropped: the connection goes on. */
export function answerBodyRefused(refusal: BodyRefusal, request: IncomingMessage, response: ServerResponse): void {
  const { status, detail, retryAfterSeconds } = bodyWords[refusal];
  const error = status === 413 ? 'invalid_request' : 'temporarily_unavailable';
  if (retryAfterSeconds !== undefined) response.setHeader('retry-after', String(retryAfterSeconds));
  response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(JSON.stringify({ error, error_description: detail }));
  request.resume();
}

export function withBody(
  request: IncomingMessage,
  body: Uint8Array,
  headers: IncomingMessage['headers'],
): IncomingMessage {
  const again = new IncomingMessage(request.socket);
  again.method = request.method;
  again.url = request.url;
  again.httpVersionMajor = request.httpVersionMajor;
  again.httpVersionMinor = request.httpVersionMinor;
  again.httpVersion = request.httpVersion;
  again.headers = headers;
  again.complete = true;
  again.push(body);
  again.push(null);
  return again;
}
