import { readProviderWords, type ProviderWords } from '../provider-words.js';

export type AuthorizationResponse =
  | { readonly type: 'code'; readonly code: string }
  /** The user or the server said no. The code is from RFC 6749 section 4.1.2.1, else `unknown_error`. */
  | {
      readonly type: 'refused';
      readonly error: AuthorizationError;
      /** In its own words, for the trail. */ readonly words: ProviderWords;
    }
  /** Not from the server that was asked, or not a response at all: nothing it says is shown. */
  | { readonly type: 'untrusted'; readonly reason: 'issuer_missing' | 'issuer_mismatch' | 'malformed' };

const KNOWN_ERRORS = [
  'access_denied',
  'invalid_request',
  'unauthorized_client',
  'unsupported_response_type',
  'invalid_scope',
  'server_error',
  'temporarily_unavailable',
  'invalid_target',
  'login_required',
  'consent_required',
  'interaction_required',
] as const;
export type AuthorizationError = (typeof KNOWN_ERRORS)[number] | 'unknown_error';

/**
 * The callback's parameters, after `state` was matched. RFC 9207: `iss`, when present, must be the issuer that was
 * asked, compared exactly; when the server announced it and it is absent, the response is refused. Both before anything
 * else is read.
 */
export function readAuthorizationResponse(
  parameters: URLSearchParams,
  expected: { readonly issuer: string; readonly issuerAnnounced: boolean },
): AuthorizationResponse {
  for (const name of ['code', 'state', 'iss', 'error'])
    if (parameters.getAll(name).length > 1) return { type: 'untrusted', reason: 'malformed' };
  const issuer = parameters.get('iss');
  if (issuer === null && expected.issuerAnnounced) return { type: 'untrusted', reason: 'issuer_missing' };
  if (issuer !== null && issuer !== expected.issuer) return { type: 'untrusted', reason: 'issuer_mismatch' };
  const error = parameters.get('error');
  if (error !== null)
    return {
      type: 'refused',
      error: KNOWN_ERRORS.find((known) => known === error) ?? 'unknown_error',
      words: readProviderWords({ error, description: parameters.get('error_description') }, []),
    };
  const code = parameters.get('code');
  return code === null || code === '' ? { type: 'untrusted', reason: 'malformed' } : { type: 'code', code };
}
