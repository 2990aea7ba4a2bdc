import { createHash, randomUUID } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { JWK } from 'jose';

export interface DpopProof {
  readonly method: string;
  readonly url: string;
  /** The access token shown with it, if one is. */
  readonly token?: string;
  /** Laid over what a good proof says. */
  readonly claims?: Readonly<Record<string, unknown>>;
}
/** An agent's key, and what it proves with it (RFC 9449). */
export interface DpopKey {
  readonly thumbprint: string;
  readonly publicJwk: JWK;
  prove(proof: DpopProof): Promise<string>;
}

export async function makeDpopKey(alg = 'ES256'): Promise<DpopKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const publicJwk = await exportJWK(publicKey);
  return {
    publicJwk,
    thumbprint: await calculateJwkThumbprint(publicJwk),
    prove: ({ method, url, token, claims }) =>
      new SignJWT({
        jti: randomUUID(),
        htm: method,
        htu: url,
        iat: Math.floor(Date.now() / 1000),
        ...(token === undefined ? {} : { ath: createHash('sha256').update(token).digest('base64url') }),
        ...claims,
      })
        .setProtectedHeader({ alg, typ: 'dpop+jwt', jwk: publicJwk })
        .sign(privateKey),
  };
}
