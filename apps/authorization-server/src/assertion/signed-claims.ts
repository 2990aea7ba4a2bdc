import { compactVerify, decodeJwt, decodeProtectedHeader, errors, type CompactVerifyGetKey } from 'jose';
import { z } from 'zod';
import { KeysUnavailable } from '@sallyport/access-token/published-keys';

/** Why what somebody else signed was refused: for the trail, never for who presented it. */
export type AssertionFailure =
  | 'malformed'
  | 'type'
  | 'algorithm'
  | 'keys_unavailable'
  | 'unknown_key'
  | 'signature'
  | 'claims'
  | 'issuer'
  | 'audience'
  | 'expired'
  | 'not_yet_valid'
  | 'lives_too_long'
  | 'replayed'
  | 'conditions';

export type SignedClaims =
  | { readonly ok: true; readonly claims: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly reason: AssertionFailure };

const MAX_LENGTH = 16_384;
export const SKEW_SECONDS = 60;
const Claims = z.record(z.string(), z.unknown());

/**
 * The claims of a JWS, once its `typ`, its algorithm and its signature are right. Nothing of the claims was looked at.
 */
export async function signedClaims(
  token: string,
  {
    types,
    algorithms,
    keys,
  }: { types: readonly (string | undefined)[]; algorithms: readonly string[]; keys: CompactVerifyGetKey },
): Promise<SignedClaims> {
  if (token.length > MAX_LENGTH) return failed('malformed');
  try {
    const { typ, alg } = decodeProtectedHeader(token);
    if (!types.includes(typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : undefined))
      return failed('type');
    if (alg === undefined || !algorithms.includes(alg)) return failed('algorithm');
    const { payload } = await compactVerify(token, keys, { algorithms: [...algorithms] });
    const claims = Claims.safeParse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload)));
    return claims.success ? { ok: true, claims: claims.data } : failed('malformed');
  } catch (error) {
    if (error instanceof KeysUnavailable) return failed('keys_unavailable');
    if (error instanceof errors.JWSSignatureVerificationFailed) return failed('signature');
    if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys)
      return failed('unknown_key');
    return failed('malformed'); // whatever else jose or the decoder objects to is in the token
  }
}

const failed = (reason: AssertionFailure): SignedClaims => ({ ok: false, reason });

/**
 * `exp`, `nbf` and `iat` in seconds (RFC 7519 section 4.1), with ±60 s of skew; a lifetime is bounded whatever they
 * say.
 */
export function timeFailure(
  { exp, nbf, iat }: { exp: number; nbf?: number | undefined; iat?: number | undefined },
  { now, maxLifetime }: { now: number; maxLifetime: number },
): AssertionFailure | undefined {
  if (now >= exp + SKEW_SECONDS) return 'expired';
  if ((iat ?? 0) > now + SKEW_SECONDS || (nbf ?? 0) > now + SKEW_SECONDS) return 'not_yet_valid';
  if (exp - (iat ?? now) > maxLifetime || exp - now > maxLifetime + SKEW_SECONDS) return 'lives_too_long';
  return undefined;
}

/** One audience only, as a text or in a list of one: a token for several could be shown here by any of the others. */
export const isForOneOf = (aud: unknown, expected: readonly string[]): boolean => {
  const [one, ...others] = Array.isArray(aud) ? aud : [aud];
  return others.length === 0 && typeof one === 'string' && expected.includes(one);
};

/** What a JWT says, to know whose keys to try; nothing of it is true yet. */
export function unverifiedClaims(token: string): Readonly<Record<string, unknown>> {
  if (token.length > MAX_LENGTH) return {};
  try {
    return decodeJwt(token);
  } catch (error) {
    if (error instanceof errors.JWTInvalid) return {};
    throw error;
  }
}
