import type { InboundHeaders } from './exchange.js';

/** Bearer: RFC 6750; DPoP: shown with a proof of the key it is bound to (RFC 9449 section 7.1). */
export type AuthenticationScheme = 'Bearer' | 'DPoP';

/** The header and nothing else: a token in the query or the body does not exist (RFC 6750 section 2.1). */
const AUTHORIZATION = /^(?:Bearer|DPoP) +([A-Za-z0-9._~+/-]+=*)$/i;

/** @returns `undefined` when the header holds no token in a form that RFC 6750 or RFC 9449 knows. */
export const tokenIn = (authorization: string): string | undefined => AUTHORIZATION.exec(authorization)?.[1];

export const schemeOf = (headers: InboundHeaders): AuthenticationScheme =>
  /^DPoP(?: |$)/i.test(headers.get('authorization') ?? '') ? 'DPoP' : 'Bearer';
