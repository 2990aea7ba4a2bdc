import { decompressed, SallyportError, type CodeOf } from '@sallyport/kernel';
import { request as send, type Dispatcher } from 'undici';
import { createGuardedAgent, refuseResolved, type GuardOptions } from './guarded-connect.js';
import { mayVisit, refuseUrl } from './outbound-guard.js';

/** A `fetch` behind the guard. It resolves when it has read the whole body. */
export type SafeFetch = typeof globalThis.fetch & {
  /** Whether we may send a browser to this URL: by plain http only where we would call it by plain http. */
  readonly mayVisit: (url: string) => boolean;
  /**
   * Checks a URL as a call would, without calling it.
   * @throws SallyportError `outbound_refused`
   */
  readonly refuse: (url: string) => Promise<void>;
};

export interface SafeFetchOptions extends GuardOptions {
  readonly userAgent: string;
  /** Milliseconds for the whole exchange; 10 000 by default. */
  readonly timeoutMs?: number;
  /** The largest response body; 1 MiB by default. */
  readonly maxResponseBytes?: number;
}

/** Errors that mean that nothing was sent. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/**
 * Creates a `fetch` behind the guard. It rejects with SallyportError: `outbound_refused` (by the guard),
 * `outbound_unreachable` (nothing was sent), `outbound_interrupted` (the request was sent, its outcome is unknown),
 * `outbound_timeout` (likewise, out of time), `outbound_too_large`, `outbound_encoded` (an unknown content coding) or
 * `outbound_redirected`. It never follows a redirect; with `redirect: 'manual'` it returns one. An aborted `signal`
 * rejects with its reason.
 */
export function createSafeFetch({
  userAgent,
  timeoutMs = 10_000,
  maxResponseBytes = 1_048_576,
  ...guard
}: SafeFetchOptions): SafeFetch {
  // One exchange per connection: a name is resolved and checked anew each time.
  const agent = createGuardedAgent(guard, { pipelining: 0, maxHeaderSize: 32_768 });
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    refuseUrl(url, guard.allow);
    const headers = Object.fromEntries(request.headers);
    headers['user-agent'] ??= userAgent;
    headers['accept-encoding'] = 'identity';
    const deadline = AbortSignal.timeout(timeoutMs);
    const body = request.body ? Buffer.from(await request.arrayBuffer()) : null;
    try {
      const answer = await send(url, {
        method: request.method,
        headers,
        body,
        dispatcher: agent,
        signal: AbortSignal.any([deadline, request.signal]),
      });
      return await readAnswer(answer, request, maxResponseBytes);
    } catch (cause) {
      throw translate(cause, url, deadline, request.signal);
    }
  };
  return Object.assign(fetch, {
    mayVisit: (url: string) => URL.canParse(url) && mayVisit(new URL(url), guard.allow),
    refuse: (url: string) => refuseResolved(new URL(url), guard),
  });
}

async function readAnswer(
  answer: Dispatcher.ResponseData,
  request: Request,
  maxResponseBytes: number,
): Promise<Response> {
  const refuse = (code: CodeOf<'outbound_'>, message: string): never => {
    answer.body.on('error', () => undefined).destroy();
    throw new SallyportError(code, message);
  };
  const host = new URL(request.url).hostname;
  const body =
    decompressed(answer.body as AsyncIterable<Uint8Array>, answer.headers['content-encoding']?.toString()) ??
    refuse('outbound_encoded', `${host} sent an answer in a coding that is not known here.`);
  if (
    answer.statusCode >= 300 &&
    answer.statusCode < 400 &&
    answer.statusCode !== 304 &&
    request.redirect !== 'manual'
  ) {
    refuse('outbound_redirected', `${host} redirects; redirects are not followed.`);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxResponseBytes)
      refuse('outbound_too_large', `The answer of ${host} is larger than ${maxResponseBytes} bytes.`);
    chunks.push(chunk);
  }
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headers)) {
    if (name === 'content-encoding' || name === 'content-length') continue; // the body here is decoded
    for (const item of Array.isArray(value) ? value : [value]) if (item !== undefined) headers.append(name, item);
  }
  const bodiless = [101, 204, 205, 304].includes(answer.statusCode) || request.method === 'HEAD';
  const response = new Response(bodiless ? null : Buffer.concat(chunks), { status: answer.statusCode, headers });
  Object.defineProperty(response, 'url', { value: request.url });
  return response;
}

function translate(cause: unknown, url: URL, deadline: AbortSignal, callersSignal: AbortSignal): unknown {
  if (cause instanceof SallyportError) return cause;
  if (callersSignal.aborted) return callersSignal.reason;
  if (deadline.aborted)
    return new SallyportError('outbound_timeout', `${url.hostname} did not answer in time.`, { cause });
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (NEVER_SENT.has(code))
    return new SallyportError('outbound_unreachable', `${url.hostname} cannot be reached.`, { cause });
  return new SallyportError('outbound_interrupted', `The exchange with ${url.hostname} broke off.`, { cause });
}
