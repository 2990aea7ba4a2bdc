import { hasCode, isErrorOf, type Clock } from '@sallyport/kernel';
import type { VerifyCause } from '@sallyport/admin-api';
import { failed, type Finding } from './step.js';

/** An answer to one request, or what to say of its absence. */
export type Reached =
  | {
      readonly type: 'answered';
      readonly response: Response;
      readonly tookMs: number;
      /** The other's clock minus ours by its `Date`, to the second; undefined where it has none. */
      readonly clockOffByMs: number | undefined;
    }
  | { readonly type: 'failed'; readonly finding: Finding };

export interface Reaching {
  /** Behind the outbound guard. */
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
}

const BY_CODE: Readonly<Record<string, VerifyCause>> = {
  ENOTFOUND: 'dns_failed',
  EAI_AGAIN: 'dns_failed',
  ECONNREFUSED: 'connection_refused',
  EHOSTUNREACH: 'connection_refused',
  ENETUNREACH: 'connection_refused',
  UND_ERR_CONNECT_TIMEOUT: 'timed_out',
  ETIMEDOUT: 'timed_out',
  CERT_HAS_EXPIRED: 'tls_expired',
  CERT_NOT_YET_VALID: 'tls_expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls_unknown_authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls_unknown_authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls_unknown_authority',
  UNABLE_TO_GET_ISSUER_CERT: 'tls_unknown_authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'tls_unknown_authority',
  ERR_TLS_CERT_ALTNAME_INVALID: 'tls_wrong_host',
  EPROTO: 'tls_not_spoken',
  ERR_SSL_WRONG_VERSION_NUMBER: 'tls_not_spoken',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'tls_not_spoken',
};

/** Asks an address once, and says why no answer came. A redirect is an answer. */
export async function reach(url: string, init: RequestInit, { fetch, clock }: Reaching): Promise<Reached> {
  const begun = performance.now();
  try {
    const response = await fetch(url, { redirect: 'manual', ...init });
    const date = Date.parse(response.headers.get('date') ?? '');
    return {
      type: 'answered',
      response,
      tookMs: Math.round(performance.now() - begun),
      clockOffByMs: Number.isNaN(date) ? undefined : date - clock(),
    };
  } catch (error) {
    return { type: 'failed', finding: notReached(url, error) };
  }
}

/** @throws what is not about the network */
export function notReached(url: string, error: unknown): Finding {
  const host = URL.parse(url)?.host ?? url;
  if (error instanceof DOMException) return failed('timed_out', `${host} did not answer in time.`);
  if (!isErrorOf(error, 'outbound_')) throw error;
  if (hasCode(error, 'outbound_refused')) {
    const { allow } = (error.detail ?? {}) as { readonly allow?: string };
    return failed('outbound_blocked', allow === undefined ? error.message : `${error.message} The line: ${allow}`);
  }
  if (hasCode(error, 'outbound_proxy_failed')) return failed('proxy_failed', error.message);
  if (hasCode(error, 'outbound_timeout')) return failed('timed_out', error.message);
  if (hasCode(error, 'outbound_encoded') || hasCode(error, 'outbound_too_large'))
    return failed('answer_unreadable', error.message);
  const codes = codesOf(error.cause);
  const known = codes.find((code) => code in BY_CODE);
  const cause = (known === undefined ? undefined : BY_CODE[known]) ?? 'connection_broken';
  return failed(cause, `${host}: ${known ?? codes[0] ?? error.message}.`);
}

/** The codes of an error and of what caused it. */
function codesOf(error: unknown, depth = 0): string[] {
  if (!(error instanceof Error) || depth > 4) return [];
  const own = 'code' in error && typeof error.code === 'string' ? [error.code] : [];
  const within = error instanceof AggregateError ? error.errors.flatMap((one) => codesOf(one, depth + 1)) : [];
  return [...own, ...within, ...codesOf(error.cause, depth + 1)];
}

/** What a status says before anything of the answer is read; undefined where there is something to read. */
export function refusedByStatus(url: string, { status, headers }: Response): Finding | undefined {
  const { host } = new URL(url);
  if (status >= 300 && status < 400) {
    const to = URL.parse(headers.get('location') ?? '', url)?.origin ?? 'nowhere';
    return failed('redirects', `${host} answers ${status} and sends to ${to}.`);
  }
  if (status >= 500) return failed('server_error', `${host} answers ${status}.`);
  return undefined;
}

const MOST_JSON = 262_144;

/** The JSON object of an answer, also where it is the first event of a stream; undefined where it is none. */
export async function jsonOf(response: Response): Promise<Record<string, unknown> | undefined> {
  const text = await response.text();
  if (text.length > MOST_JSON) return undefined;
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
  const data = isStream ? /^data: ?(\{.*\})\s*$/m.exec(text)?.[1] : text;
  try {
    const value: unknown = JSON.parse(data ?? '');
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
