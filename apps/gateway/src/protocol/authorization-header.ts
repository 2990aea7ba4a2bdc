import type { InboundHeaders } from './exchange.js';

/** Bearer: RFC 6750; DPoP: shown with a proof of the key it is bound to (RFC 9449 section 7.1). */
export type AuthenticationScheme = 'Bearer' | 'DPoP';

/** The header and nothing else: a token in the query or the body does not exist (RFC 6750 section 2.1). */
const AUTHORIZATION = /^(?:Bearer|DPoP) +([A-Za-z0-9._~+/-]+=*)$/i;

/** The header that was read last: several steps of one request read the same one. */
let last: { readonly authorization: string; readonly token: string | undefined } = {
  authorization: '',
  token: undefined,
};

/** @returns `undefined` when the header holds no token in a form that RFC 6750 or RFC 9449 knows. */
export function tokenIn(authorization: string): string | undefined {
  if (last.authorization !== authorization) last = { authorization, token: AUTHORIZATION.exec(authorization)?.[1] };
  return last.token;
}

export const schemeOf = (headers: InboundHeaders): AuthenticationScheme =>
  /^DPoP(?: |$)/i.test(headers.get('authorization') ?? '') ? 'DPoP' : 'Bearer';
