import type { CredentialProviderOf } from '@sallyport/configuration';
import { hasCode } from '@sallyport/kernel';
import type { ConfiguredTarget } from '@sallyport/connection';
import type { RequestedExchange } from '@sallyport/lease';
import { discoverAuthorizationServer, discoverProtectedResource } from '@sallyport/oauth/discovery';
import {
  type Failure,
  assertionParameters,
  configuredClient,
  type FindSecret,
  type OAuthClient,
  type OutboundFetch,
  requestToken,
  type TokenResult,
  isSameIdentifier,
} from '@sallyport/oauth';
import { serverTitle } from '@sallyport/server';
import type { CredentialRequest } from '../credential-request.js';
import {
  AWAY_PAUSE_MS,
  REFUSED_PAUSE_MS,
  withoutToken,
  type Attempt,
  type DerivedTokens,
  type DerivedTokensContext,
} from '../derived-tokens.js';
import type { ProviderLease, ProviderRefusal } from '../provider-lease.js';

type IdJagProvider = CredentialProviderOf<'id-jag'>;
type Found =
  | { readonly type: 'found'; readonly resource: string; readonly tokenEndpoint: string }
  | { readonly type: 'failed'; readonly reason: string };

export interface IdJagLeaseContext {
  readonly findSecret: FindSecret;
  readonly derivedTokens: Pick<DerivedTokens, 'lease'>;
}

/**
 * `id-jag`: the identity provider vouches for the user at the server's authorization server. Our own authorization
 * server exchanges the ID token for an assertion (RFC 8693). The assertion is presented here (RFC 7523), at the issuer
 * the document names, whatever issuer the server names today (S20, S25).
 */
export async function leaseByIdJag(
  request: CredentialRequest,
  spec: IdJagProvider,
  { findSecret, derivedTokens }: IdJagLeaseContext,
): Promise<ProviderLease | ProviderRefusal> {
  const { target } = request;
  const client = await configuredClient(
    { provider: target.provider.name, client: spec.client, issuer: spec.issuer },
    findSecret,
  );
  return derivedTokens.lease(request, spec, (requested, context) =>
    obtainByIdJag({ requested, target, spec, client }, context),
  );
}

async function obtainByIdJag(
  {
    requested,
    target,
    spec,
    client,
  }: { requested: RequestedExchange; target: ConfiguredTarget; spec: IdJagProvider; client: OAuthClient | undefined },
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
  const outcome = await exchange({ ...requested, resource: found.resource });
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
    if (!hasCode(error, 'client_key_invalid')) throw error;
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
  const resource = await discoverProtectedResource(server.spec.url, fetch, server.spec);
  if (resource.type !== 'found') return failedBy(resource.type === 'absent' ? resource.failure : resource);
  if (!resource.authorizationServers.some((named) => isSameIdentifier(named, issuer)))
    return { type: 'failed', reason: 'other_issuer' };
  const authorizationServer = await discoverAuthorizationServer(issuer, fetch);
  if (authorizationServer.type === 'failed') return failedBy(authorizationServer);
  const { token_endpoint: tokenEndpoint } = authorizationServer.metadata;
  if (new URL(tokenEndpoint).origin !== (tokenEndpointOrigin ?? new URL(issuer).origin))
    return { type: 'failed', reason: 'other_token_endpoint' };
  return { type: 'found', resource: resource.resource, tokenEndpoint };
}

/** A host that cannot be reached or does not answer may later. */
const failedBy = ({ reason, isTemporary }: Failure<string>): Found => ({
  type: 'failed',
  reason: isTemporary || reason.startsWith('outbound_') ? 'unreachable' : reason,
});

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
      const title = serverTitle(server);
      const message =
        `${title} does not accept what the identity provider says of this user. ` +
        `An administrator of ${title} can change that.`;
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
    case 'address_refused':
    case 'malformed_answer':
      return { obtained: { type: 'failed', pauseMs: REFUSED_PAUSE_MS, forAll: true }, reason: result.type };
    case 'unreachable':
    case 'proxy_failed':
    case 'ambiguous':
      return { obtained: { type: 'failed', pauseMs: AWAY_PAUSE_MS, forAll: true }, reason: result.type };
  }
}
