import type { OAuthClient, OutboundFetch } from '../oauth-client.js';
import { requestToken } from '../token/request-token.js';
import type { TokenQuirks, TokenResult } from '../token/token-result.js';

/** RFC 6749 section 4.1.3 with PKCE and `resource`. Never repeated: a code is good once. */
export function exchangeCode(
  grant: {
    readonly tokenEndpoint: string;
    readonly client: OAuthClient;
    readonly code: string;
    /** `null`: the authorization request was made without PKCE. */ readonly codeVerifier: string | null;
    readonly redirectUri: string;
    readonly resource: string;
    readonly now: number;
    readonly quirks?: TokenQuirks | undefined;
  },
  fetch: OutboundFetch,
): Promise<TokenResult> {
  const { tokenEndpoint, client, code, codeVerifier, redirectUri, resource, now, quirks } = grant;
  return requestToken(
    {
      tokenEndpoint,
      client,
      now,
      quirks,
      parameters: {
        grant_type: 'authorization_code',
        code,
        ...(codeVerifier === null ? {} : { code_verifier: codeVerifier }),
        redirect_uri: redirectUri,
        resource,
      },
    },
    fetch,
  );
}
