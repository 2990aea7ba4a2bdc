import { z } from 'zod';
import { SallyportError } from '@sallyport/kernel';
import { authenticate, type OAuthClient, type OutboundFetch } from './oauth-client.js';
import { readProviderWords, type ProviderWords } from './provider-words.js';
import { accountText, type ProviderAccount } from './account-of.js';
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
  token_type: z.string().nullish(),
  expires_in: z.unknown().optional(),
  refresh_token: z.string().min(1).max(MAX_TOKEN).optional().catch(undefined),
  scope: z.string().optional().catch(undefined),
  id_token: z.string().max(MAX_TOKEN).optional().catch(undefined),
  issued_token_type: z.string().max(256).optional().catch(undefined),
});

/** What one provider does otherwise than the specifications; nothing of it is guessed. */
export interface TokenQuirks {
  readonly body?: 'form' | 'json' | undefined;
  readonly parameters?: Readonly<Record<string, string>> | undefined;
  /** `false`: `resource` is not sent. */
  readonly resource?: boolean | undefined;
  /** Where the token object is, when it is there. */
  readonly tokenPath?: readonly string[] | undefined;
  /** Accepted besides `bearer`. */
  readonly tokenTypes?: readonly string[] | undefined;
  readonly errorField?: string | undefined;
  readonly expiresIn?: 'seconds' | 'milliseconds' | undefined;
  readonly unsaidLifetimeMs?: number | undefined;
  /** The access token takes the refresh token's part: it is exchanged for a newer one. */
  readonly renewal?:
    | { readonly grantType: string; readonly tokenParameter: string; readonly method: 'POST' | 'GET' }
    | undefined;
  /** Errors that mean what `invalid_grant` does. */
  readonly deadGrant?: readonly { readonly error: string; readonly description?: string | undefined }[] | undefined;
  /** Where an answer says whose account it is. */
  readonly account?: { readonly id: readonly string[]; readonly name?: readonly string[] | undefined } | undefined;
  /** Scopes of an answer may be separated by commas. */
  readonly looseScopes?: boolean | undefined;
}

export interface GrantedTokens {
  readonly accessToken: string;
  /** `null`: the answer had none (keep the old one). */
  readonly refreshToken: string | null;
  /** Milliseconds since the epoch; `null`: it did not say. */
  readonly expiresAt: number | null;
  /** `null`: as requested. */
  readonly scopes: readonly string[] | null;
  /** RFC 8693 section 2.2.1; only where the answer says it. */
  readonly issuedTokenType?: string;
  /** Where the answer has them. */
  readonly idToken?: string;
  readonly account?: ProviderAccount;
}

export type TokenResult =
  | { readonly type: 'granted'; readonly tokens: GrantedTokens }
  /** A refusal with a code of RFC 6749 section 5.2. */
  | {
      readonly type: 'refused';
      readonly error: string;
      /** The server's own words, free of secrets. */ readonly description: string | null;
      readonly status: number;
      /** What Entra ID says more closely, where it does. */ readonly suberror?: string;
    }
  /** 5xx or 429: the server says that it could not. */
  | ({
      readonly type: 'unavailable';
      readonly retryAfterMs: number | undefined;
      readonly status: number;
    } & ProviderWords)
  /** Nothing was sent. */
  | { readonly type: 'unreachable' }
  /** Sent, and no usable answer came: the server may have acted. */
  | { readonly type: 'ambiguous' };

const NOTHING_SENT = new Set(['outbound_refused', 'outbound_unreachable']);
const UNKNOWN_OUTCOME = new Set([
  'outbound_interrupted',
  'outbound_timeout',
  'outbound_too_large',
  'outbound_encoded',
  'outbound_redirected',
]);

/** One request to a token endpoint, by POST (RFC 6749 section 3.2) unless a provider wants otherwise. Says what happened; what that means for a grant is the caller's to say. */
export async function requestToken(
  {
    tokenEndpoint,
    client,
    parameters,
    now,
    quirks = {},
    method = 'POST',
  }: {
    tokenEndpoint: string;
    client: OAuthClient;
    parameters: Readonly<Record<string, string>>;
    /** Milliseconds, before the request. */ now: number;
    quirks?: TokenQuirks | undefined;
    method?: 'POST' | 'GET';
  },
  fetch: OutboundFetch,
): Promise<TokenResult> {
  const { resource, ...others } = parameters;
  const body = new URLSearchParams({
    ...quirks.parameters,
    ...others,
    ...(resource === undefined || quirks.resource === false ? {} : { resource }),
  });
  const isJson = quirks.body === 'json';
  const headers = new Headers({ accept: 'application/json' });
  await authenticate(client, body, headers, { tokenEndpoint, now });
  const received = { now, quirks, secrets: secretsOf(client, body) };
  if (method === 'GET') return receiveToken(() => fetch(withQuery(tokenEndpoint, body), { headers }), received);
  headers.set('content-type', isJson ? 'application/json' : 'application/x-www-form-urlencoded');
  return receiveToken(
    () =>
      fetch(tokenEndpoint, {
        method,
        headers,
        body: isJson ? JSON.stringify(Object.fromEntries(body)) : body.toString(),
      }),
    received,
  );
}

function withQuery(address: string, parameters: URLSearchParams): URL {
  const url = new URL(address);
  for (const [name, value] of parameters) url.searchParams.set(name, value);
  return url;
}

/** The same for a request that somebody else sends. @param context.now milliseconds, before the request; `secrets`: what is sent and must not come back in words */
export async function receiveToken(
  send: () => Promise<Response>,
  { now, quirks = {}, secrets = [] }: { now: number; quirks?: TokenQuirks | undefined; secrets?: readonly string[] },
): Promise<TokenResult> {
  let response: Response;
  try {
    response = await send();
  } catch (error) {
    if (error instanceof SallyportError && NOTHING_SENT.has(error.code)) return { type: 'unreachable' };
    if (error instanceof SallyportError && UNKNOWN_OUTCOME.has(error.code)) return { type: 'ambiguous' };
    throw error;
  }
  const answer = await readJsonObject(response);
  const error =
    (response.ok || quirks.errorField === undefined ? undefined : answer?.[quirks.errorField]) ?? answer?.['error'];
  const [description, suberror] = [answer?.['error_description'], answer?.['suberror']];
  const words = readProviderWords({ error, description }, secrets);
  if (response.status === 429 || response.status >= 500)
    return { type: 'unavailable', retryAfterMs: retryAfter(response, now), status: response.status, ...words };
  if (typeof error === 'string')
    return {
      type: 'refused',
      error: isDeadGrant(error, description, quirks) ? 'invalid_grant' : (words.error ?? 'unknown_error'),
      description: words.description,
      status: response.status,
      ...(typeof suberror === 'string' ? { suberror } : {}),
    };
  if (!response.ok) return { type: 'refused', error: 'unknown_error', description: null, status: response.status };
  const parsed = TokenAnswer.safeParse(within(answer, quirks.tokenPath));
  if (!parsed.success || !isTokenType(parsed.data.token_type, quirks)) return { type: 'ambiguous' };
  const {
    access_token: accessToken,
    refresh_token: refreshToken = quirks.renewal ? parsed.data.access_token : null,
    expires_in: lifetime,
    scope,
    issued_token_type: issuedTokenType,
    id_token: idToken,
  } = parsed.data;
  const account = accountIn(answer, quirks);
  return {
    type: 'granted',
    tokens: {
      accessToken,
      refreshToken,
      expiresAt: expiryOf(lifetime, now, quirks),
      scopes: scope?.split(quirks.looseScopes === true ? /[ ,]/ : ' ').filter((item) => item !== '') ?? null,
      ...(issuedTokenType === undefined ? {} : { issuedTokenType }),
      ...(idToken === undefined ? {} : { idToken }),
      ...(account && { account }),
    },
  };
}

function isDeadGrant(error: string, description: unknown, { deadGrant = [] }: TokenQuirks): boolean {
  return deadGrant.some(
    (dead) => dead.error === error && (dead.description === undefined || dead.description === description),
  );
}

const NO_SECRET = new Set([
  'grant_type',
  'client_id',
  'scope',
  'resource',
  'redirect_uri',
  'audience',
  'client_assertion_type',
  'requested_token_type',
  'subject_token_type',
  'actor_token_type',
]);

/** What was sent and is nobody else's to see. */
function secretsOf({ clientSecret }: OAuthClient, body: URLSearchParams): string[] {
  return [
    ...[...body].flatMap(([name, value]) => (NO_SECRET.has(name) ? [] : [value])),
    ...(clientSecret ? [clientSecret.reveal()] : []),
  ];
}

function isTokenType(type: string | null | undefined, { tokenTypes = [] }: TokenQuirks): boolean {
  return type === undefined || type === null || /^bearer$/i.test(type) || tokenTypes.includes(type);
}

/** Whose account it is, where the document says where the answer says so. */
function accountIn(answer: unknown, { account }: TokenQuirks): ProviderAccount | undefined {
  const id = account && accountText(at(answer, account.id));
  return id === undefined ? undefined : { id, name: (account?.name && accountText(at(answer, account.name))) ?? id };
}

function at(answer: unknown, path: readonly string[]): unknown {
  let value = answer;
  for (const name of path)
    value =
      value !== null && typeof value === 'object' ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined;
  return value;
}

/** The token object where it is said to be; an answer that has nothing there is one itself. */
function within(answer: Record<string, unknown> | undefined, path: readonly string[] = []): unknown {
  return at(answer, path) ?? answer;
}

function retryAfter(response: Response, now: number): number | undefined {
  const value = response.headers.get('retry-after');
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}

/** Seconds as RFC 6749 says, as a number or in digits; some servers send the moment itself in ISO 8601. `null`: it does not say. */
function expiryOf(lifetime: unknown, now: number, { expiresIn, unsaidLifetimeMs }: TokenQuirks): number | null {
  const isMoment = typeof lifetime === 'string' && /^\d{4}-\d\d-\d\dT/.test(lifetime);
  const isSeconds = typeof lifetime === 'number' || (typeof lifetime === 'string' && /^\d+(\.\d+)?$/.test(lifetime));
  const left = isMoment
    ? Date.parse(lifetime) - now
    : isSeconds
      ? Math.floor(Number(lifetime) * (expiresIn === 'milliseconds' ? 1 : 1000))
      : Number.NaN;
  return Number.isNaN(left)
    ? unsaidLifetimeMs === undefined
      ? null
      : now + unsaidLifetimeMs
    : now + Math.min(Math.max(left, 0), MAX_LIFETIME_MS);
}
