import { createHash } from 'node:crypto';
import type { CredentialProviderOf } from '@sallyport/configuration';
import { hasCode, type Clock } from '@sallyport/kernel';
import { pinsOf, type ConfiguredTarget } from '@sallyport/connection';
import {
  configuredClient,
  type FindSecret,
  type OAuthClient,
  type OutboundFetch,
  requestToken,
  type TokenResult,
} from '@sallyport/oauth';
import type { CredentialRequest } from '../credential-request.js';
import { ObtainedTokens, type Obtained } from '../obtained-tokens.js';
import type { ProviderLease, ProviderRefusal } from '../provider-lease.js';

export type ClientCredentialsProvider = CredentialProviderOf<'client-credentials'>;

export interface ClientCredentialsContext {
  readonly fetch: OutboundFetch;
  readonly clock: Clock;
  /** For the trail: once per request to a token endpoint. `reason`: why there is no token. */
  readonly onRequest: (request: {
    readonly server: string;
    readonly provider: string;
    readonly reason: string | null;
    /** Why, in our words. */ readonly said?: string;
  }) => Promise<void>;
}

export interface ClientCredentialsLeaseContext {
  readonly findSecret: FindSecret;
  readonly clientCredentials: Pick<ClientCredentialsTokens, 'lease'>;
}

/** `client-credentials` (RFC 6749 section 4.4): one token for everybody, got by our own client. */
export async function leaseWithClientCredentials(
  { target, rejectedConnectionRevision }: CredentialRequest,
  spec: ClientCredentialsProvider,
  { findSecret, clientCredentials }: ClientCredentialsLeaseContext,
): Promise<ProviderLease | ProviderRefusal> {
  const client = await configuredClient(
    { provider: target.provider.name, client: spec.client, issuer: new URL(spec.tokenEndpoint).origin },
    findSecret,
  );
  return client
    ? clientCredentials.lease({ target, spec, client, rejectedRevision: rejectedConnectionRevision })
    : { type: 'refused', reason: 'secret_missing' };
}

/** A refusal will not be another one a moment later; an outage may be over. */
const REFUSED_PAUSE_MS = 60_000;
const UNAVAILABLE_PAUSE_MS = 5_000;
const MAX_PAUSE_MS = 300_000;

/**
 * Keeps each token in memory until near its expiry. Callers that come together share one request, and after a refusal
 * the provider is left alone for a while. A token belongs to one provider document, server address and client secret;
 * when one of them changes, it is not used any more (S20).
 */
export class ClientCredentialsTokens {
  readonly #context: ClientCredentialsContext;
  readonly #tokens: ObtainedTokens;

  constructor(context: ClientCredentialsContext) {
    this.#context = context;
    this.#tokens = new ObtainedTokens(context.clock);
  }

  /** @param rejectedRevision of the lease that the server answered 401 to. */
  async lease({
    target,
    spec,
    client,
    rejectedRevision,
  }: {
    target: ConfiguredTarget;
    spec: ClientCredentialsProvider;
    client: OAuthClient;
    rejectedRevision?: number | undefined;
  }): Promise<ProviderLease | ProviderRefusal> {
    if (spec.origin !== new URL(target.server.spec.url).origin) return { type: 'refused', reason: 'token_origin' };
    return this.#tokens.lease({ configured: keyOf(target, client), holder: '' }, { rejectedRevision }, () =>
      this.#request(target, spec, client),
    );
  }

  async #request(target: ConfiguredTarget, spec: ClientCredentialsProvider, client: OAuthClient): Promise<Obtained> {
    const { fetch, clock, onRequest } = this.#context;
    const about = { server: target.server.name, provider: target.provider.name };
    let result: TokenResult;
    try {
      result = await requestToken(
        { tokenEndpoint: spec.tokenEndpoint, client, now: clock(), parameters: parametersOf(target, spec) },
        fetch,
      );
    } catch (error) {
      if (!hasCode(error, 'client_key_invalid')) throw error;
      await onRequest({ ...about, reason: error.code });
      return { type: 'refused', reason: 'client_key_invalid' };
    }
    const said = 'said' in result ? { said: result.said } : {};
    await onRequest({
      ...about,
      ...said,
      reason: result.type === 'granted' ? null : result.type === 'refused' ? result.error : result.type,
    });
    return obtainedFrom(result);
  }
}

/**
 * The key of a kept token: the configuration it was made for. With another secret, another token is asked for at once.
 */
function keyOf(target: ConfiguredTarget, { clientSecret, clientKey }: OAuthClient): string {
  const secret = createHash('sha256')
    .update((clientKey ?? clientSecret)?.reveal() ?? '')
    .digest('base64url');
  return JSON.stringify([target.provider.name, target.server.name, pinsOf(target), secret]);
}

function parametersOf(
  { server }: ConfiguredTarget,
  { scopes, audience, resource, parameters }: ClientCredentialsProvider,
): Record<string, string> {
  return {
    ...parameters,
    grant_type: 'client_credentials',
    ...(scopes.length > 0 ? { scope: scopes.join(' ') } : {}),
    ...(audience === undefined ? {} : { audience }),
    ...(resource ? { resource: server.spec.resource ?? server.spec.url } : {}),
  };
}

function obtainedFrom(result: TokenResult): Obtained {
  switch (result.type) {
    case 'granted':
      return { type: 'token', accessToken: result.tokens.accessToken, expiresAt: result.tokens.expiresAt };
    case 'refused':
    case 'address_refused':
    case 'malformed_answer':
      return { type: 'failed', pauseMs: REFUSED_PAUSE_MS };
    case 'unavailable':
      return { type: 'failed', pauseMs: Math.min(result.retryAfterMs ?? UNAVAILABLE_PAUSE_MS, MAX_PAUSE_MS) };
    case 'unreachable':
    case 'proxy_failed':
    case 'ambiguous':
      return { type: 'failed', pauseMs: UNAVAILABLE_PAUSE_MS };
  }
}
