import type { CredentialProviderOf } from '@sallyport/configuration';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import type { TokenQuirks, TokenResult } from './token-result.js';

export type ExchangingProvider = CredentialProviderOf<'token-exchange'> | CredentialProviderOf<'id-jag'>;
const TYPE = 'urn:ietf:params:oauth:token-type:';
const ID_JAG = `${TYPE}id-jag`;
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** RFC 8693 section 2.2.1: what is no access token says `N_A`. */
export const exchangeQuirks = (spec: ExchangingProvider): TokenQuirks =>
  spec.type === 'id-jag' ? { tokenTypes: ['N_A'] } : {};

/** Which of a sign-in's tokens is exchanged; Entra ID takes an access token for the client's own API. */
export const subjectTokenOf = (spec: ExchangingProvider): 'access_token' | 'id_token' =>
  spec.type === 'id-jag' ? 'id_token' : spec.subjectToken;

/**
 * The parameters of the exchange, with the grant's type among them: RFC 8693 section 2.1, the same for an ID-JAG, or
 * Entra ID's on-behalf-of.
 * @param about.resource the server's; of `id-jag` what its protected resource metadata says
 */
export function exchangeParameters(
  spec: ExchangingProvider,
  { subjectToken, actorToken, resource }: { subjectToken: string; actorToken: string | undefined; resource: string },
): Readonly<Record<string, string>> & { readonly grant_type: string } {
  const scope: Readonly<Record<string, string>> = spec.scopes.length > 0 ? { scope: spec.scopes.join(' ') } : {};
  if (spec.type === 'token-exchange' && spec.grant === 'on-behalf-of')
    return {
      ...spec.parameters,
      ...scope,
      grant_type: JWT_BEARER,
      requested_token_use: 'on_behalf_of',
      assertion: subjectToken,
    };
  const common = {
    ...scope,
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: subjectToken,
    subject_token_type: `${TYPE}${subjectTokenOf(spec)}`,
  };
  if (spec.type === 'id-jag') return { ...common, requested_token_type: ID_JAG, audience: spec.issuer, resource };
  return {
    ...spec.parameters,
    ...common,
    requested_token_type: `${TYPE}${spec.requestedTokenType}`,
    ...(spec.audience === undefined ? {} : { audience: spec.audience }),
    ...(spec.resource ? { resource } : {}),
    ...(actorToken === undefined ? {} : { actor_token: actorToken, actor_token_type: `${TYPE}jwt` }),
  };
}

export type ExchangeResult =
  | { readonly type: 'exchanged'; readonly token: string; readonly expiresAt: number | null }
  /** The sign-in serves no more, or not for this: the user has to sign in again. */
  | { readonly type: 'sign_in_required'; readonly error: string }
  | {
      readonly type: 'refused';
      readonly reason: 'consent_required' | 'user_refused' | 'assertion_invalid';
      readonly error: string;
    }
  /** `fault`: our client is not let in, whoever the user is. */
  | { readonly type: 'unavailable'; readonly retryAfterMs: number; readonly fault: boolean; readonly error: string };

/** OpenID Connect Core section 3.1.2.6, and what Entra ID puts beside `invalid_grant` and `interaction_required`. */
const CONSENT = new Set(['consent_required']);
const SIGN_IN = new Set([
  'invalid_grant',
  'interaction_required',
  'login_required',
  'account_selection_required',
  'basic_action',
  'additional_action',
  'bad_token',
  'token_expired',
  'user_password_expired',
]);
const USER = new Set(['access_denied']);
const CLIENT = new Set(['invalid_client', 'unauthorized_client', 'unsupported_grant_type']);
const FAULT_PAUSE_MS = 60_000;
const OUTAGE_PAUSE_MS = 5_000;
const MAX_PAUSE_MS = 300_000;

/**
 * Reads the result of an exchange: who refused, and whether the issued token is the requested one (RFC 8693 section
 * 2.2).
 */
export function readExchange(result: TokenResult, spec: ExchangingProvider, resource: string): ExchangeResult {
  switch (result.type) {
    case 'granted': {
      const { accessToken, expiresAt, issuedTokenType } = result.tokens;
      if (!isIssuedAsAsked(issuedTokenType, spec)) return unusable('issued_token_type');
      if (spec.type === 'id-jag' && !isForOurClient(accessToken, spec, resource))
        return { type: 'refused', reason: 'assertion_invalid', error: 'assertion_invalid' };
      return { type: 'exchanged', token: accessToken, expiresAt };
    }
    case 'refused': {
      const error = result.error.slice(0, 128);
      const said = [result.suberror ?? '', result.error];
      if (said.some((code) => CONSENT.has(code))) return { type: 'refused', reason: 'consent_required', error };
      if (said.some((code) => SIGN_IN.has(code))) return { type: 'sign_in_required', error };
      return USER.has(error) ? { type: 'refused', reason: 'user_refused', error } : unusable(error);
    }
    case 'unavailable':
      return {
        type: 'unavailable',
        fault: false,
        error: result.type,
        retryAfterMs: Math.min(result.retryAfterMs ?? OUTAGE_PAUSE_MS, MAX_PAUSE_MS),
      };
    case 'address_refused':
    case 'malformed_answer':
      return unusable(result.type);
    case 'unreachable':
    case 'proxy_failed':
    case 'ambiguous':
      return { type: 'unavailable', fault: false, error: result.type, retryAfterMs: OUTAGE_PAUSE_MS };
  }
}

const unusable = (error: string): ExchangeResult => ({
  type: 'unavailable',
  fault: CLIENT.has(error),
  error,
  retryAfterMs: FAULT_PAUSE_MS,
});

function isIssuedAsAsked(issued: string | undefined, spec: ExchangingProvider): boolean {
  if (spec.type === 'id-jag') return issued === ID_JAG;
  if (spec.grant === 'on-behalf-of') return issued === undefined;
  return (
    issued === `${TYPE}${spec.requestedTokenType}` ||
    (spec.requestedTokenType === 'access_token' && issued === `${TYPE}jwt`)
  );
}

/** Read, not verified: who it is for verifies it. What is for somebody else is shown to nobody. */
function isForOurClient(
  assertion: string,
  { issuer, client }: CredentialProviderOf<'id-jag'>,
  resource: string,
): boolean {
  try {
    const { typ } = decodeProtectedHeader(assertion);
    const { aud, client_id: clientId, resource: named } = decodeJwt(assertion);
    const audiences = typeof aud === 'string' ? [aud] : (aud ?? []);
    return (
      typ === 'oauth-id-jag+jwt' &&
      audiences.length === 1 &&
      audiences[0] === issuer &&
      clientId === client.clientId &&
      (named === undefined || [named].flat().includes(resource))
    );
  } catch {
    return false; // not a JWT
  }
}

/** RFC 7523 section 2.1, at the server's authorization server. */
export const assertionParameters = (
  { scopes }: CredentialProviderOf<'id-jag'>,
  assertion: string,
): Readonly<Record<string, string>> => ({
  grant_type: JWT_BEARER,
  assertion,
  ...(scopes.length > 0 ? { scope: scopes.join(' ') } : {}),
});
