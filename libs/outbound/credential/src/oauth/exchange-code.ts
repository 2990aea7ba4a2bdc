import type { OAuthClient, OutboundFetch } from './oauth-client.js';
import { requestToken, type TokenResult } from './request-token.js';

/** RFC 6749 section 4.1.3 with PKCE and `resource`. Never repeated: a code is good once. */
export function exchangeCode(
  grant: { readonly tokenEndpoint: string; readonly client: OAuthClient; readonly code: string; readonly codeVerifier: string; readonly redirectUri: string; readonly resource: string; readonly now: number },
  fetch: OutboundFetch,
): Promise<TokenResult> {
  const { tokenEndpoint, client, code, codeVerifier, redirectUri, resource, now } = grant;
  return requestToken({ tokenEndpoint, client, now, parameters: { grant_type: 'authorization_code', code, code_verifier: codeVerifier, redirect_uri: redirectUri, resource } }, fetch);
}
