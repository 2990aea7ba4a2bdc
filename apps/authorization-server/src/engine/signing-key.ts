import type { JWK } from 'jose';

const ALGORITHMS = ['ES256', 'RS256', 'EdDSA'] as const;
export type SigningAlgorithm = (typeof ALGORITHMS)[number];

/** The key that signs access tokens and ID tokens: the first of `keys`. @throws TypeError without an id or algorithm */
export function signingKeyOf([key]: readonly JWK[]): { readonly kid: string; readonly alg: SigningAlgorithm } {
  const alg = ALGORITHMS.find((known) => known === key?.alg);
  if (!key?.kid || alg === undefined)
    throw new TypeError('an access token signing key with a kid and an algorithm of ours is needed');
  return { kid: key.kid, alg };
}
