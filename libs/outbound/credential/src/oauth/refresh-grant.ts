import { SallyportError } from '@sallyport/kernel';
import type { ProviderFailure } from '@sallyport/refresh';
import type { OAuthClient, OutboundFetch } from './oauth-client.js';
import { requestToken, type GrantedTokens, type TokenQuirks, type TokenResult } from './request-token.js';

/** `ambiguous`: sent, no usable answer. `invalid_grant`: refused once, to be looked at twice. */
export type RefreshAttempt =
  | { readonly type: 'granted'; readonly tokens: GrantedTokens }
  | ({ readonly type: 'provider_failed' } & ProviderFailure)
  | { readonly type: 'ambiguous' }
  | { readonly type: 'invalid_grant'; readonly description: string | null };

/** RFC 6749 section 6, with the resource the grant was made for (S25). One attempt. */
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
      return result;
    case 'unreachable':
      return { type: 'provider_failed', reason: 'no_answer', error: null, description: null };
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
