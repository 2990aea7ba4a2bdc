import { z } from 'zod';
import { SallyportError } from '@sallyport/kernel';
import { authenticate, type OAuthClient, type OutboundFetch } from './oauth-client.js';
import { readJsonObject } from './read-json.js';

const MAX_TOKEN = 65_536;
/** Whatever a server promises: no token is taken to live longer, and the moment stays one that can be stored. */
const MAX_LIFETIME_MS = 10 * 365 * 24 * 60 * 60 * 1000;

/**
 * RFC 6749 section 5.1. Strict in what makes a grant, tolerant in what only describes it: by the time such an answer is
 * here, a single-use refresh token was spent, and refusing the answer for its form would lose the grant.
 */
const TokenAnswer = z.object({
  access_token: z.string().min(1).max(MAX_TOKEN),
  token_type: z.string().regex(/^bearer$/i).nullish(),
  expires_in: z.unknown().optional(),
  refresh_token: z.string().min(1).max(MAX_TOKEN).optional().catch(undefined),
  scope: z.string().optional().catch(undefined),
});

export interface GrantedTokens {
  readonly accessToken: string;
  /** `null`: the answer had none (keep the old one). */
  readonly refreshToken: string | null;
  /** Milliseconds since the epoch; `null`: it did not say. */
  readonly expiresAt: number | null;
  /** `null`: as requested. */
  readonly scopes: readonly string[] | null;
}

export type TokenResult =
  | { readonly type: 'granted'; readonly tokens: GrantedTokens }
  /** A refusal with a code of RFC 6749 section 5.2. */
  | { readonly type: 'refused'; readonly error: string; readonly status: number }
  /** 5xx or 429: the server says that it could not. */
  | { readonly type: 'unavailable'; readonly retryAfterMs: number | undefined }
  /** Nothing was sent. */
  | { readonly type: 'unreachable' }
  /** Sent, and no usable answer came: the server may have acted. */
  | { readonly type: 'ambiguous' };

const NOTHING_SENT = new Set(['outbound_refused', 'outbound_unreachable']);
const UNKNOWN_OUTCOME = new Set(['outbound_interrupted', 'outbound_timeout', 'outbound_too_large', 'outbound_encoded', 'outbound_redirected']);

/** One request to a token endpoint. Says what happened; what that means for a grant is the caller's to say. */
export async function requestToken(
  { tokenEndpoint, client, parameters, now }: { tokenEndpoint: string; client: OAuthClient; parameters: Readonly<Record<string, string>>; /** Milliseconds, before the request. */ now: number },
  fetch: OutboundFetch,
): Promise<TokenResult> {
  const body = new URLSearchParams(parameters);
  const headers = new Headers({ 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' });
  await authenticate(client, body, headers, { tokenEndpoint, now });
  let response: Response;
  try {
    response = await fetch(tokenEndpoint, { method: 'POST', headers, body: body.toString() });
  } catch (error) {
    if (error instanceof SallyportError && NOTHING_SENT.has(error.code)) return { type: 'unreachable' };
    if (error instanceof SallyportError && UNKNOWN_OUTCOME.has(error.code)) return { type: 'ambiguous' };
    throw error;
  }
  if (response.status === 429 || response.status >= 500) return { type: 'unavailable', retryAfterMs: retryAfter(response, now) };
  const answer = await readJsonObject(response);
  const error = answer?.['error'];
  if (typeof error === 'string') return { type: 'refused', error, status: response.status };
  if (!response.ok) return { type: 'refused', error: 'unknown_error', status: response.status };
  const parsed = TokenAnswer.safeParse(answer);
  if (!parsed.success) return { type: 'ambiguous' };
  const { access_token: accessToken, refresh_token: refreshToken = null, expires_in: lifetime, scope } = parsed.data;
  return { type: 'granted', tokens: { accessToken, refreshToken, expiresAt: expiryOf(lifetime, now), scopes: scope?.split(' ').filter((item) => item !== '') ?? null } };
}

function retryAfter(response: Response, now: number): number | undefined {
  const value = response.headers.get('retry-after');
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}

/** Seconds as RFC 6749 says, as a number or in digits; some servers send the moment itself in ISO 8601. `null`: it does not say. */
function expiryOf(lifetime: unknown, now: number): number | null {
  const isMoment = typeof lifetime === 'string' && /^\d{4}-\d\d-\d\dT/.test(lifetime);
  const isSeconds = typeof lifetime === 'number' || (typeof lifetime === 'string' && /^\d+(\.\d+)?$/.test(lifetime));
  const left = isMoment ? Date.parse(lifetime) - now : isSeconds ? Math.floor(Number(lifetime) * 1000) : Number.NaN;
  return Number.isNaN(left) ? null : now + Math.min(Math.max(left, 0), MAX_LIFETIME_MS);
}
