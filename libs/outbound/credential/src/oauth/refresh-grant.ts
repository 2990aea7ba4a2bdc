import type { RefreshOutcome } from '@sallyport/refresh';
import type { OAuthClient, OutboundFetch } from './oauth-client.js';
import { requestToken, type GrantedTokens, type TokenQuirks, type TokenResult } from './request-token.js';

/** `ambiguous`: sent, no usable answer. `invalid_grant`: refused once, to be looked at twice. */
export type RefreshAttempt =
  | { readonly type: 'granted'; readonly tokens: GrantedTokens }
  | Exclude<RefreshOutcome, { type: 'refreshed' | 'dead_grant' }>
  | { readonly type: 'ambiguous' }
  | { readonly type: 'invalid_grant' };

/** RFC 6749 section 6, with the resource the grant was made for (S25). One attempt. */
export async function refreshGrant(
  grant: { readonly tokenEndpoint: string; readonly client: OAuthClient; readonly refreshToken: string; readonly resource: string; readonly now: number; readonly quirks?: TokenQuirks | undefined },
  fetch: OutboundFetch,
): Promise<RefreshAttempt> {
  const { tokenEndpoint, client, refreshToken, resource, now, quirks } = grant;
  return attemptOf(await requestToken({ tokenEndpoint, client, now, quirks, parameters: { grant_type: 'refresh_token', refresh_token: refreshToken, resource } }, fetch));
}

/** Only `invalid_grant` is about the grant; every other refusal is about us or about the provider (B4). */
function attemptOf(result: TokenResult): RefreshAttempt {
  switch (result.type) {
    case 'granted':
    case 'ambiguous':
      return result;
    case 'unreachable':
      return { type: 'transient' };
    case 'unavailable':
      return { type: 'transient', retryAfterMs: result.retryAfterMs };
    case 'refused':
      if (result.error === 'invalid_grant') return { type: 'invalid_grant' };
      if (result.error === 'temporarily_unavailable' || result.error === 'server_error' || result.error === 'slow_down') return { type: 'transient' };
      return { type: 'provider_fault', error: result.error };
  }
}
