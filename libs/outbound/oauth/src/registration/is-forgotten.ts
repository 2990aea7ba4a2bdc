import type { OAuthClient, OutboundFetch } from '../oauth-client.js';
import { readJsonObject } from '../read-json.js';
import { requestToken } from '../token/request-token.js';

interface Asked {
  readonly tokenEndpoint: string;
  readonly client: OAuthClient;
  /** Milliseconds. */
  readonly now: number;
  /** An authorization request that nobody will follow, for a server whose token endpoint proves nothing. */
  readonly authorizationRequest?: string;
}

/**
 * Whether an authorization server does not know our dynamic registration any more, by requests that have no effect.
 * First by one for a code that was never issued. A server may look for the code before it looks for a public client,
 * and find neither: then by what it does with an authorization request. Never of a client that somebody configured.
 */
export async function isForgotten(asked: Asked, fetch: OutboundFetch): Promise<boolean> {
  const { tokenEndpoint, client, now, authorizationRequest } = asked;
  if (client.expiresAt === undefined) return false;
  const parameters = { grant_type: 'authorization_code', code: 'is-this-client-known', code_verifier: 'x'.repeat(43) };
  const result = await requestToken({ tokenEndpoint, client, now, parameters }, fetch);
  if (result.type !== 'refused') return false;
  if (result.error === 'invalid_client') return true;
  if (client.authentication !== 'none' || authorizationRequest === undefined) return false;
  return isRefused(authorizationRequest, fetch);
}

/**
 * An unknown client is not sent back to a redirect URI that nobody registered (RFC 6749 section 4.1.2.1): the server
 * shows a page of its own, whose address or body names the error. What names none proves nothing.
 */
async function isRefused(authorizationRequest: string, fetch: OutboundFetch): Promise<boolean> {
  const ask = async (): Promise<unknown> => {
    const response = await fetch(authorizationRequest, { redirect: 'manual', headers: { accept: 'text/html' } });
    const location = response.headers.get('location');
    if (location !== null) return URL.parse(location, authorizationRequest)?.searchParams.get('error');
    return response.status >= 400 ? (await readJsonObject(response))?.['error'] : undefined;
  };
  return (await ask().catch(() => undefined)) === 'invalid_client';
}
