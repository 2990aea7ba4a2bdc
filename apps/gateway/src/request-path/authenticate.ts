import type { Caller } from '@sallyport/policy';
import type { InboundHeaders } from '../http/exchange.js';
import type { Refusal } from './refusal.js';
import type { RequestPath } from './request-path.js';

export interface Authenticated {
  readonly caller: Caller;
  readonly token: string;
}

/** RFC 6750 section 2.1: the header and nothing else; a token in the query or the body does not exist. */
const BEARER = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i;

export async function authenticate({ verifier }: Pick<RequestPath, 'verifier'>, headers: InboundHeaders): Promise<Authenticated | Refusal> {
  const authorization = headers.get('authorization');
  if (authorization === undefined || authorization === '') return { refused: 'unauthenticated', reason: 'no_token' };
  const token = BEARER.exec(authorization)?.[1];
  if (token === undefined) return { refused: 'unauthenticated', reason: 'malformed' };
  const verification = await verifier.verify(token);
  return verification.ok ? { caller: verification.caller, token } : { refused: 'unauthenticated', reason: verification.reason };
}
