import { createHash } from 'node:crypto';
import type { CredentialProviderOf } from '@sallyport/configuration';
import { SallyportError, type Clock } from '@sallyport/kernel';
import { pinsOf, type ConfiguredTarget } from '../connection/connection-pins.js';
import type { OAuthClient, OutboundFetch } from '../oauth/oauth-client.js';
import { requestToken, type TokenResult } from '../oauth/request-token.js';
import { ObtainedTokens, type Obtained } from './obtained-tokens.js';
import type { ProviderLease, ProviderRefusal } from './provider-lease.js';

export type ClientCredentialsProvider = CredentialProviderOf<'client-credentials'>;

export interface ClientCredentialsContext {
  readonly fetch: OutboundFetch;
  readonly clock: Clock;
  /** For the trail: once per request to a token endpoint. `reason`: why there is no token. */
  readonly onRequest: (request: {
    readonly server: string;
    readonly provider: string;
    readonly reason: string | null;
  }) => Promise<void>;
}

/** A refusal will not be another one a moment later; an outage may be over. */
const REFUSED_PAUSE_MS = 60_000;
const UNAVAILABLE_PAUSE_MS = 5_000;
const MAX_PAUSE_MS = 300_000;

/**
 * `client-credentials` (RFC 6749 section 4.4): one token for everybody, by our own client. Kept in memory until near its
 * expiry, asked for once for all who want it at a time, and not again at once after a no. What is kept belongs to one
 * provider document, server address and client secret: when one of them is another, it is not found any more (S20).
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
      if (!(error instanceof SallyportError) || error.code !== 'client_key_invalid') throw error;
      await onRequest({ ...about, reason: error.code });
      return { type: 'refused', reason: 'client_key_invalid' };
    }
    await onRequest({
      ...about,
      reason: result.type === 'granted' ? null : result.type === 'refused' ? result.error : result.type,
    });
    return obtainedFrom(result);
  }
}

/** What is kept for one meaning of the configuration; the secret counts as its digest, so that another one is tried at once. */
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
      return { type: 'failed', pauseMs: REFUSED_PAUSE_MS };
    case 'unavailable':
      return { type: 'failed', pauseMs: Math.min(result.retryAfterMs ?? UNAVAILABLE_PAUSE_MS, MAX_PAUSE_MS) };
    case 'unreachable':
    case 'ambiguous':
      return { type: 'failed', pauseMs: UNAVAILABLE_PAUSE_MS };
  }
}
