import { randomUUID } from 'node:crypto';
import type { DownstreamSigningKey } from '@sallyport/credential';
import { SignJWT } from 'jose';

const LIFETIME_SECONDS = 60;

/**
 * Names the agent to an identity provider (RFC 8693 section 2.1, `actor_token`): for one minute, for that provider, and
 * worth nothing without the user's token beside it.
 * @param now milliseconds
 */
export function signActorToken({
  clientId,
  audience,
  issuer,
  signingKey,
  now,
}: {
  clientId: string;
  audience: string;
  issuer: string;
  signingKey: DownstreamSigningKey;
  now: number;
}): Promise<string> {
  const issuedAt = Math.floor(now / 1000);
  return new SignJWT({})
    .setProtectedHeader({ alg: signingKey.algorithm, kid: signingKey.kid, typ: 'JWT' })
    .setIssuer(issuer)
    .setSubject(clientId)
    .setAudience(audience)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + LIFETIME_SECONDS)
    .setJti(randomUUID())
    .sign(signingKey.privateKey);
}
