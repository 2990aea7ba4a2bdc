import type { AccessTokenVerifier } from '@sallyport/access-token';
import type { Authenticated } from '../call/call.js';
import { schemeOf, tokenIn } from '../protocol/authorization-header.js';
import type { InboundRequest } from '../protocol/exchange.js';
import type { Refusal } from '../protocol/refusal.js';

export interface AuthenticateUses {
  readonly verifier: AccessTokenVerifier;
}

/** Verifies the token of a request, and the proof where the token is bound to a key. */
export async function authenticate(
  { verifier }: AuthenticateUses,
  inbound: Pick<InboundRequest, 'headers' | 'method' | 'asked'>,
): Promise<Authenticated | Refusal> {
  const { headers, method, asked } = inbound;
  const authorization = headers.get('authorization');
  if (authorization === undefined || authorization === '') return { type: 'unauthenticated', reason: 'no_token' };
  const token = tokenIn(authorization);
  if (token === undefined) return { type: 'unauthenticated', reason: 'malformed' };
  const proof = {
    proof: headers.get('dpop'),
    isProofRepeated: headers.isRepeated('dpop'),
    method,
    url: asked.resource,
  };
  const verification =
    schemeOf(headers) === 'Bearer' ? await verifier.verify(token) : await verifier.verifyWithProof(token, proof);
  return verification.ok
    ? { caller: verification.caller, kid: verification.kid, token }
    : { type: 'unauthenticated', reason: verification.reason };
}
