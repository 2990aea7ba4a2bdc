import type { VerifiedToken } from '@sallyport/access-token';
import type { InboundHeaders, InboundRequest } from '../http/exchange.js';
import type { Refusal } from './refusal.js';
import type { RequestPath } from './request-path.js';

export interface Authenticated extends VerifiedToken {
  readonly token: string;
}

/** Bearer: RFC 6750; DPoP: shown with a proof of the key it is bound to (RFC 9449 section 7.1). */
export type AuthenticationScheme = 'Bearer' | 'DPoP';

/** The header and nothing else: a token in the query or the body does not exist (RFC 6750 section 2.1). */
const AUTHORIZATION = /^(?:Bearer|DPoP) +([A-Za-z0-9._~+/-]+=*)$/i;

export async function authenticate(
  { verifier, endpointUrl }: Pick<RequestPath, 'verifier' | 'endpointUrl'>,
  { headers, method, target }: Pick<InboundRequest, 'headers' | 'method' | 'target'>,
): Promise<Authenticated | Refusal> {
  const authorization = headers.get('authorization');
  if (authorization === undefined || authorization === '') return { refused: 'unauthenticated', reason: 'no_token' };
  const token = AUTHORIZATION.exec(authorization)?.[1];
  if (token === undefined) return { refused: 'unauthenticated', reason: 'malformed' };
  const verification =
    schemeOf(headers) === 'Bearer'
      ? await verifier.verify(token)
      : await verifier.verifyWithProof(token, {
          proof: headers.get('dpop'),
          isProofRepeated: headers.isRepeated('dpop'),
          method,
          url: target === undefined ? endpointUrl : `${endpointUrl}/${encodeURIComponent(target)}`,
        });
  return verification.ok
    ? { caller: verification.caller, kid: verification.kid, token }
    : { refused: 'unauthenticated', reason: verification.reason };
}

export const schemeOf = (headers: InboundHeaders): AuthenticationScheme =>
  /^DPoP(?: |$)/i.test(headers.get('authorization') ?? '') ? 'DPoP' : 'Bearer';
