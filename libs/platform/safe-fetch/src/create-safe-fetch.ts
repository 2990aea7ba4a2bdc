import { SallyportError } from '@sallyport/kernel';
import { request as send, type Dispatcher } from 'undici';
import { createGuardedAgent, type GuardOptions } from './guarded-connect.js';
import { mayVisit, refuseUrl } from './outbound-guard.js';

/** Fits wherever a `fetch` is taken. The body of an answer was read completely when it arrives. */
export type SafeFetch = typeof globalThis.fetch & {
  /** Whether a browser may be sent there: never by a plain connection that we would not make ourselves. */
  readonly mayVisit: (url: string) => boolean;
};

export interface SafeFetchOptions extends GuardOptions {
  readonly userAgent: string;
  /** For the whole exchange; default 10 s. */
  readonly timeoutMs?: number;
  /** Of the answer's body; default 1 MiB. */
  readonly maxResponseBytes?: number;
}

/** Nothing was sent: the host could not be reached at all. */
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/**
 * Rejects with SallyportError: `outbound_refused` (the guard), `outbound_unreachable` (nothing was sent),
 * `outbound_interrupted` (sent, outcome unknown), `outbound_timeout` (the same, by the clock), `outbound_too_large`,
 * `outbound_encoded` (a compressed answer nobody asked for), `outbound_redirected` (unless `redirect: 'manual'`, which
 * returns the redirect; it is never followed). A caller's own `signal` rejects with its reason.
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
    delete headers['accept-encoding'];
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
  return Object.assign(fetch, { mayVisit: (url: string) => URL.canParse(url) && mayVisit(new URL(url), guard.allow) });
}

async function readAnswer(
  answer: Dispatcher.ResponseData,
  request: Request,
  maxResponseBytes: number,
): Promise<Response> {
  const refuse = (code: string, message: string): never => {
    answer.body.on('error', () => undefined).destroy();
    throw new SallyportError(code, message);
  };
  const host = new URL(request.url).hostname;
  const encoding = String(answer.headers['content-encoding'] ?? 'identity');
  if (encoding !== 'identity') refuse('outbound_encoded', `${host} sent a compressed answer.`);
  if (
    answer.statusCode >= 300 &&
    answer.statusCode < 400 &&
    answer.statusCode !== 304 &&
    request.redirect !== 'manual'
  ) {
    refuse('outbound_redirected', `${host} redirects; redirects are not followed.`);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxResponseBytes)
      refuse('outbound_too_large', `The answer of ${host} is larger than ${maxResponseBytes} bytes.`);
    chunks.push(chunk);
  }
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headers)) {
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
