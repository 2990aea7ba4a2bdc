import { errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';
import type { Clock } from '@sallyport/kernel';

/** What the server shows of a token it accepted. The token itself is not among it. */
export const SeenClaims = z.object({
  iss: z.string(),
  aud: z.string(),
  sub: z.string(),
  act: z.looseObject({ sub: z.string() }),
  client_id: z.string(),
  scope: z.string(),
  iat: z.number(),
  exp: z.number(),
});
export type SeenClaims = z.infer<typeof SeenClaims>;

export interface TokenExpectations {
  issuer: string;
  /** This server's own resource: a token for anything else is none of ours. */
  resource: string;
  keys: JWTVerifyGetKey;
  clock: Clock;
}

/** Failures to get the keys at all; an unknown key (`ERR_JWKS_NO_MATCHING_KEY`) is the token's fault. */
const ABOUT_KEYS = new Set(['ERR_JOSE_GENERIC', 'ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID']);
const CLOCK_TOLERANCE_SECONDS = 5;

/**
 * Verifies an access token (RFC 9068) that the issuer made for this server.
 * @returns its claims; `refused` for any other token; `unavailable` when the issuer's keys cannot be fetched
 */
export async function verifyGatewayToken(
  token: string,
  expected: TokenExpectations,
): Promise<SeenClaims | 'refused' | 'unavailable'> {
  let payload: JWTPayload;
  try {
    ({ payload } = await jwtVerify(token, expected.keys, {
      issuer: expected.issuer,
      audience: expected.resource,
      typ: 'at+jwt',
      algorithms: ['ES256', 'RS256', 'EdDSA'],
      requiredClaims: ['sub', 'act', 'client_id', 'iat', 'exp'],
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(expected.clock()),
    }));
  } catch (cause) {
    return cause instanceof errors.JOSEError && !ABOUT_KEYS.has(cause.code) ? 'refused' : 'unavailable';
  }
  const seen = SeenClaims.safeParse(payload);
  return seen.success ? seen.data : 'refused';
}
