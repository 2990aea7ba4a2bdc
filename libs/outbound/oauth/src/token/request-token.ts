import { z } from 'zod';
import { isErrorOf } from '@sallyport/kernel';
import { authenticate, type OAuthClient, type OutboundFetch } from '../oauth-client.js';
import { readProviderWords } from '../provider-words.js';
import { accountText } from './account-of.js';
import { readJsonObject, whatIsSaid } from '../read-json.js';
import type { ProviderAccount, TokenQuirks, TokenResult } from './token-result.js';

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

/**
 * Sends one request to a token endpoint, by POST (RFC 6749 section 3.2) unless the provider wants otherwise. Says what
 * happened; the caller decides what that means for a grant.
 */
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

/**
 * Reads the answer to a token request that the caller sends.
 * @param context.now milliseconds, before the request
 * @param context.secrets what is sent, and must not come back in words
 */
export async function receiveToken(
  send: () => Promise<Response>,
  { now, quirks = {}, secrets = [] }: { now: number; quirks?: TokenQuirks | undefined; secrets?: readonly string[] },
): Promise<TokenResult> {
  let response: Response;
  try {
    response = await send();
  } catch (error) {
    return notAnswered(error);
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
  if (answer === undefined) return { type: 'malformed_answer', isItsOwn: false, said: 'The answer is no JSON object.' };
  if (!parsed.success)
    return {
      type: 'malformed_answer',
      isItsOwn: true,
      said: `The answer's ${fieldsOf(parsed.error)} is missing or malformed.`,
    };
  if (!isTokenType(parsed.data.token_type, quirks))
    return {
      type: 'malformed_answer',
      isItsOwn: true,
      said:
        readProviderWords(
          {
            error: null,
            description: `The answer's token_type is ${parsed.data.token_type}, where Bearer is expected.`,
          },
          secrets,
        ).description ?? '',
    };
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

/** @throws what is not about the request */
function notAnswered(error: unknown): TokenResult {
  if (!isErrorOf(error, 'outbound_')) throw error;
  switch (error.code) {
    case 'outbound_refused':
      return { type: 'address_refused', said: error.message };
    case 'outbound_proxy_failed':
      return { type: 'proxy_failed', said: error.message };
    case 'outbound_unreachable':
      return { type: 'unreachable' };
    case 'outbound_interrupted':
    case 'outbound_timeout':
    case 'outbound_encoded':
      return { type: 'ambiguous' };
    case 'outbound_too_large':
    case 'outbound_redirected':
      return { type: 'malformed_answer', isItsOwn: false, said: error.message };
  }
}

const fieldsOf = ({ issues }: z.ZodError): string => [...new Set(issues.map(({ path }) => path.join('.')))].join(', ');

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
  const found = at(answer, path) ?? answer;
  return found !== null && typeof found === 'object' ? whatIsSaid(found) : found;
}

function retryAfter(response: Response, now: number): number | undefined {
  const value = response.headers.get('retry-after');
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now;
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}

/**
 * Seconds as RFC 6749 says, as a number or in digits; some servers send the moment itself in ISO 8601. `null`: it does
 * not say, and the token is used until it is rejected. So is one that would have ended before it came (`0`, `-1`).
 */
function expiryOf(lifetime: unknown, now: number, { expiresIn, unsaidLifetimeMs }: TokenQuirks): number | null {
  const isMoment = typeof lifetime === 'string' && /^\d{4}-\d\d-\d\dT/.test(lifetime);
  const isSeconds = typeof lifetime === 'number' || (typeof lifetime === 'string' && /^\d+(\.\d+)?$/.test(lifetime));
  const left = isMoment
    ? Date.parse(lifetime) - now
    : isSeconds
      ? Math.floor(Number(lifetime) * (expiresIn === 'milliseconds' ? 1 : 1000))
      : Number.NaN;
  return left > 0
    ? now + Math.min(left, MAX_LIFETIME_MS)
    : unsaidLifetimeMs === undefined
      ? null
      : now + unsaidLifetimeMs;
}
