import type { CredentialProviderOf } from '@sallyport/configuration';
import { SallyportError } from '@sallyport/kernel';
import type { ConfiguredTarget } from '../connection/connection-pins.js';
import type { ExchangeWish } from '../exchange/ask-for-exchange.js';
import { discoverAuthorizationServer } from '../oauth/discover-authorization-server.js';
import { discoverProtectedResource } from '../oauth/discover-protected-resource.js';
import { assertionParameters } from '../oauth/exchange-token.js';
import type { OAuthClient, OutboundFetch } from '../oauth/oauth-client.js';
import { requestToken, type TokenResult } from '../oauth/request-token.js';
import type { DerivedTokensContext } from './derived-tokens.js';
import { AWAY_PAUSE_MS, REFUSED_PAUSE_MS, withoutToken, type Attempt } from './token-exchange.js';

type IdJagProvider = CredentialProviderOf<'id-jag'>;
type Found =
  | { readonly type: 'found'; readonly resource: string; readonly tokenEndpoint: string }
  | { readonly type: 'failed'; readonly reason: string };

/**
 * `id-jag`: the identity provider vouches for the user at the server's authorization server. The ID token is exchanged for
 * an assertion (RFC 8693) by our own authorization server; the assertion is presented here (RFC 7523), at the issuer the
 * document names and at no other the server may name today (S20, S25).
 */
export async function obtainByIdJag(
  {
    wish,
    target,
    spec,
    client,
  }: { wish: ExchangeWish; target: ConfiguredTarget; spec: IdJagProvider; client: OAuthClient | undefined },
  { fetch, clock, exchange }: Pick<DerivedTokensContext, 'fetch' | 'clock' | 'exchange'>,
): Promise<Attempt> {
  if (client === undefined)
    return { obtained: { type: 'refused', reason: 'secret_missing' }, reason: 'secret_missing' };
  const found = await discover(target, spec, fetch);
  if (found.type === 'failed')
    return {
      obtained: {
        type: 'failed',
        pauseMs: found.reason === 'unreachable' ? AWAY_PAUSE_MS : REFUSED_PAUSE_MS,
        forAll: true,
      },
      reason: found.reason,
    };
  const outcome = await exchange({ ...wish, resource: found.resource });
  if (outcome?.type !== 'exchanged') return withoutToken(outcome, target);
  let result: TokenResult;
  try {
    result = await requestToken(
      {
        tokenEndpoint: found.tokenEndpoint,
        client,
        now: clock(),
        parameters: assertionParameters(spec, outcome.token),
      },
      fetch,
    );
  } catch (error) {
    if (!(error instanceof SallyportError) || error.code !== 'client_key_invalid') throw error;
    return { obtained: { type: 'refused', reason: error.code }, reason: error.code };
  }
  return obtainedFrom(result, target);
}

/** What the server says of itself must be what the document says of it. */
async function discover(
  { server }: ConfiguredTarget,
  { issuer, tokenEndpointOrigin }: IdJagProvider,
  fetch: OutboundFetch,
): Promise<Found> {
  try {
    const resource = await discoverProtectedResource(server.spec.url, fetch, server.spec.resource);
    if (resource.type === 'failed') return resource;
    if (resource.authorizationServer !== issuer) return { type: 'failed', reason: 'other_issuer' };
    const authorizationServer = await discoverAuthorizationServer(issuer, fetch);
    if (authorizationServer.type === 'failed') return authorizationServer;
    const { token_endpoint: tokenEndpoint } = authorizationServer.metadata;
    if (new URL(tokenEndpoint).origin !== (tokenEndpointOrigin ?? new URL(issuer).origin))
      return { type: 'failed', reason: 'other_token_endpoint' };
    return { type: 'found', resource: resource.resource, tokenEndpoint };
  } catch (error) {
    if (error instanceof SallyportError && error.code.startsWith('outbound_'))
      return { type: 'failed', reason: 'unreachable' };
    throw error;
  }
}

/** These say something of this user or this assertion; every other refusal is about our client or the document. */
const OF_THE_USER = new Set([
  'invalid_grant',
  'access_denied',
  'interaction_required',
  'login_required',
  'consent_required',
]);

function obtainedFrom(result: TokenResult, { server }: ConfiguredTarget): Attempt {
  switch (result.type) {
    case 'granted':
      return {
        obtained: { type: 'token', accessToken: result.tokens.accessToken, expiresAt: result.tokens.expiresAt },
        reason: null,
      };
    case 'refused': {
      if (!OF_THE_USER.has(result.error))
        return { obtained: { type: 'failed', pauseMs: REFUSED_PAUSE_MS, forAll: true }, reason: result.error };
      const message = `${server.spec.title ?? server.name} does not accept what the identity provider says of this user. An administrator of ${server.spec.title ?? server.name} can change that.`;
      return {
        obtained: { type: 'refused', reason: 'assertion_refused', message, pauseMs: REFUSED_PAUSE_MS },
        reason: result.error,
      };
    }
    case 'unavailable':
      return {
        obtained: {
          type: 'failed',
          pauseMs: Math.min(result.retryAfterMs ?? AWAY_PAUSE_MS, 5 * REFUSED_PAUSE_MS),
          forAll: true,
        },
        reason: result.type,
      };
    case 'unreachable':
    case 'ambiguous':
      return { obtained: { type: 'failed', pauseMs: AWAY_PAUSE_MS, forAll: true }, reason: result.type };
  }
}
