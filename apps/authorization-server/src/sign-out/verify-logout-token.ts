import { errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { z } from 'zod';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** Seconds a token may take to arrive, which is also how long its `jti` is remembered at least. */
export const LOGOUT_TOKEN_MAX_AGE = 300;
const SKEW_SECONDS = 60;

const Claims = z.object({
  jti: z.string().min(1).max(512),
  sub: z.string().min(1).max(512).optional(),
  sid: z.string().min(1).max(256).optional(),
  events: z.looseObject({ [EVENT]: z.looseObject({}) }),
});

export type LogoutTokenVerdict =
  | { readonly valid: true; readonly jti: string; readonly sub: string | undefined; readonly sid: string | undefined }
  | { readonly valid: false; /** For the log, never for the sender. */ readonly reason: string };

/**
 * OpenID Connect Back-Channel Logout 1.0 section 2.6, but for the replay of a `jti`, which needs a memory. An ID token
 * is never mistaken for one: it has no such event, and one with a nonce is refused.
 * @param now milliseconds since the epoch
 * @throws whatever `keys` throws when the provider's keys cannot be had
 */
export async function verifyLogoutToken(
  token: string,
  {
    issuer,
    clientId,
    keys,
    algorithms,
    now,
  }: { issuer: string; clientId: string; keys: JWTVerifyGetKey; algorithms: readonly string[]; now: number },
): Promise<LogoutTokenVerdict> {
  let payload: JWTPayload;
  let typ: string | undefined;
  try {
    const verified = await jwtVerify(token, keys, {
      issuer,
      audience: clientId,
      algorithms: [...algorithms],
      maxTokenAge: LOGOUT_TOKEN_MAX_AGE,
      clockTolerance: SKEW_SECONDS,
      currentDate: new Date(now),
    });
    payload = verified.payload;
    typ = verified.protectedHeader.typ;
  } catch (error) {
    if (error instanceof errors.JOSEError) return { valid: false, reason: error.code };
    throw error;
  }
  if (typ !== undefined && !/^(?:application\/)?(?:logout\+jwt|jwt)$/i.test(typ))
    return { valid: false, reason: 'another type of token' };
  if (payload['nonce'] !== undefined) return { valid: false, reason: 'a nonce' };
  const claims = Claims.safeParse(payload);
  if (!claims.success) return { valid: false, reason: 'claims of no logout token' };
  const { jti, sub, sid } = claims.data;
  if (sub === undefined && sid === undefined) return { valid: false, reason: 'neither sub nor sid' };
  return { valid: true, jti, sub, sid };
}
