import { randomUUID } from 'node:crypto';
import { SallyportError, type Secret } from '@sallyport/kernel';
import { importJWK, SignJWT, type JWK } from 'jose';
import { z } from 'zod';

/** RFC 7517, a private key we may sign with. `x5t` and `x5t#S256` name the certificate Entra ID knows the key by. */
const PrivateKey = z.looseObject({
  kty: z.enum(['RSA', 'EC', 'OKP']),
  d: z.string().min(1),
  kid: z.string().optional(),
  alg: z.enum(['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA']).optional(),
  x5t: z.string().optional(),
  'x5t#S256': z.string().optional(),
});
const USUAL_ALGORITHM = { RSA: 'RS256', EC: 'ES256', OKP: 'EdDSA' } as const;
const LIFETIME_SECONDS = 60;

/**
 * `private_key_jwt` (RFC 7523 section 3): we are `clientId`, to `audience`, for a minute, once.
 * @param now milliseconds
 * @throws SallyportError `client_key_invalid`, without a cause that could quote the key
 */
export async function signClientAssertion({
  clientId,
  clientKey,
  audience,
  now,
}: {
  clientId: string;
  clientKey: Secret;
  audience: string;
  now: number;
}): Promise<string> {
  const issuedAt = Math.floor(now / 1000);
  try {
    const jwk = PrivateKey.parse(JSON.parse(clientKey.reveal()));
    const alg = jwk.alg ?? USUAL_ALGORITHM[jwk.kty];
    const named = Object.fromEntries(
      (['kid', 'x5t', 'x5t#S256'] as const).flatMap((name) => (jwk[name] === undefined ? [] : [[name, jwk[name]]])),
    );
    return await new SignJWT({})
      .setProtectedHeader({ ...named, alg, typ: 'JWT' })
      .setIssuer(clientId)
      .setSubject(clientId)
      .setAudience(audience)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + LIFETIME_SECONDS)
      .setJti(randomUUID())
      .sign(await importJWK(jwk as JWK, alg));
  } catch {
    throw new SallyportError('client_key_invalid', 'The client key is not a private key as JWK.');
  }
}
