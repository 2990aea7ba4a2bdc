import { SallyportError } from '@sallyport/kernel';
import { authenticate, type OAuthClient, type OutboundFetch } from './oauth-client.js';

/** RFC 7009, at the endpoint stored with the grant (S25). Best effort: says whether the server confirmed. */
export async function revokeGrant(grant: { readonly revocationEndpoint: string; readonly tokenEndpoint: string; readonly now: number; readonly client: OAuthClient; readonly token: string; readonly tokenTypeHint: 'refresh_token' | 'access_token' }, fetch: OutboundFetch): Promise<boolean> {
  const body = new URLSearchParams({ token: grant.token, token_type_hint: grant.tokenTypeHint });
  const headers = new Headers({ 'content-type': 'application/x-www-form-urlencoded' });
  try {
    await authenticate(grant.client, body, headers, grant);
    return (await fetch(grant.revocationEndpoint, { method: 'POST', headers, body: body.toString() })).ok;
  } catch (error) {
    if (error instanceof SallyportError) return false;
    throw error;
  }
}
