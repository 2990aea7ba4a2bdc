import { SallyportError } from '@sallyport/kernel';
import type { ProviderFailure } from './provider-failure.js';
import type { OAuthClient, OutboundFetch } from '../oauth-client.js';
import { requestToken } from './request-token.js';
import type { GrantedTokens, TokenQuirks, TokenResult } from './token-result.js';

/** `ambiguous`, `malformed_answer`: no usable answer came. `invalid_grant`: one refusal, which has to be confirmed. */
export type RefreshAttempt =
  | { readonly type: 'granted'; readonly tokens: GrantedTokens }
  | ({ readonly type: 'provider_failed' } & ProviderFailure)
  | Extract<TokenResult, { type: 'ambiguous' | 'malformed_answer' }>
  | { readonly type: 'invalid_grant'; readonly description: string | null };

/** Makes one attempt to refresh (RFC 6749 section 6), for the resource the grant was made for (S25). */
export async function refreshGrant(
  grant: {
    readonly tokenEndpoint: string;
    readonly client: OAuthClient;
    readonly refreshToken: string;
    readonly resource: string;
    readonly now: number;
    readonly quirks?: TokenQuirks | undefined;
  },
  fetch: OutboundFetch,
): Promise<RefreshAttempt> {
  const { tokenEndpoint, client, refreshToken, resource, now, quirks } = grant;
  try {
    const { grantType = 'refresh_token', tokenParameter = 'refresh_token', method = 'POST' } = quirks?.renewal ?? {};
    return attemptOf(
      await requestToken(
        {
          tokenEndpoint,
          client,
          now,
          quirks,
          method,
          parameters: { grant_type: grantType, [tokenParameter]: refreshToken, resource },
        },
        fetch,
      ),
    );
  } catch (error) {
    // A key that cannot sign is no better than a secret that is refused.
    if (error instanceof SallyportError && error.code === 'client_key_invalid')
      return { type: 'provider_failed', reason: 'client_refused', error: error.code, description: null };
    throw error;
  }
}

/** The client, not what it asks for. GitHub and Slack have words of their own. */
const CLIENT_REFUSALS = new Set([
  'invalid_client',
  'unauthorized_client',
  'incorrect_client_credentials',
  'bad_client_secret',
  'invalid_client_id',
]);
const UNAVAILABLE = new Set(['temporarily_unavailable', 'server_error']);

/** Only `invalid_grant` is about the grant; every other refusal is about us or about the provider (B4). */
function attemptOf(result: TokenResult): RefreshAttempt {
  switch (result.type) {
    case 'granted':
    case 'ambiguous':
    case 'malformed_answer':
      return result;
    case 'unreachable':
      return { type: 'provider_failed', reason: 'no_answer', error: null, description: null };
    case 'proxy_failed':
      return { type: 'provider_failed', reason: 'no_answer', error: result.type, description: result.said };
    case 'address_refused':
      return { type: 'provider_failed', reason: 'address_refused', error: null, description: result.said };
    case 'unavailable': {
      const { status, error, description, retryAfterMs } = result;
      return {
        type: 'provider_failed',
        reason: status === 429 ? 'rate_limited' : 'unavailable',
        error: error ?? `http_${status}`,
        description,
        retryAfterMs,
      };
    }
    case 'refused': {
      const { error, description } = result;
      if (error === 'invalid_grant') return { type: 'invalid_grant', description };
      const reason = CLIENT_REFUSALS.has(error)
        ? 'client_refused'
        : error === 'slow_down'
          ? 'rate_limited'
          : UNAVAILABLE.has(error)
            ? 'unavailable'
            : 'request_refused';
      return {
        type: 'provider_failed',
        reason,
        error: error === 'unknown_error' ? `http_${result.status}` : error,
        description,
      };
    }
  }
}
