import { isErrorOf, SallyportError } from '@sallyport/kernel';
import { authenticate, type OAuthClient, type OutboundFetch } from '../oauth-client.js';
import { readJsonObject } from '../read-json.js';

export type TokenRevocation =
  /** Also of a token that had ended already: RFC 7009 section 2.2 answers that alike. */
  | { readonly type: 'revoked' }
  /** `unsupported_token_type`: asking again will not change that. */
  | { readonly type: 'unsupported' }
  /** `refused`: by the server as it is now, of which we may be the cause. The other two are temporary. */
  | { readonly type: 'failed'; readonly reason: 'unreachable' | 'unavailable' | 'refused' };

/** RFC 7009, at the endpoint stored with the grant (S25). One request; safe to repeat. */
export async function revokeGrant(
  grant: {
    readonly revocationEndpoint: string;
    readonly tokenEndpoint: string;
    readonly now: number;
    readonly client: OAuthClient;
    readonly token: string;
    readonly tokenTypeHint: 'refresh_token' | 'access_token';
  },
  fetch: OutboundFetch,
): Promise<TokenRevocation> {
  const body = new URLSearchParams({ token: grant.token, token_type_hint: grant.tokenTypeHint });
  const headers = new Headers({ 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' });
  try {
    await authenticate(grant.client, body, headers, grant);
    const response = await fetch(grant.revocationEndpoint, { method: 'POST', headers, body: body.toString() });
    if (response.ok) return { type: 'revoked' };
    if (response.status === 429 || response.status >= 500) return { type: 'failed', reason: 'unavailable' };
    return (await readJsonObject(response))?.['error'] === 'unsupported_token_type'
      ? { type: 'unsupported' }
      : { type: 'failed', reason: 'refused' };
  } catch (error) {
    if (error instanceof SallyportError)
      return { type: 'failed', reason: isErrorOf(error, 'outbound_') ? 'unreachable' : 'refused' };
    throw error;
  }
}
