import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';
import { SallyportError } from '@sallyport/kernel';
import { PublicJwk } from './public-keys.js';

export const SIGNING_KEY_PREFIX = { 'access-token': 'at-', 'downstream-token': 'dt-' } as const;
export type SigningKeyPurpose = keyof typeof SIGNING_KEY_PREFIX;

export interface MadeSigningKey {
  readonly kid: string;
  readonly publicJwk: PublicJwk;
  readonly privateJwk: JWK;
}

/** A new key pair; its id says what it is for and, by its thumbprint (RFC 7638), which key it is. */
export async function makeSigningKey(purpose: SigningKeyPurpose, algorithm: string): Promise<MadeSigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
  const [publicPart, privateJwk] = await Promise.all([exportJWK(publicKey), exportJWK(privateKey)]);
  const kid = `${SIGNING_KEY_PREFIX[purpose]}${(await calculateJwkThumbprint(publicPart)).slice(0, 22)}`;
  const publicJwk = PublicJwk.safeParse({ ...publicPart, kid, alg: algorithm, use: 'sig' });
  if (!publicJwk.success)
    throw new SallyportError('signing_algorithm_unknown', `No signing key can be made for ${algorithm}.`, {
      cause: publicJwk.error,
    });
  return { kid, publicJwk: publicJwk.data, privateJwk };
}
