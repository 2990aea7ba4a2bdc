import type { TrustProviderRules } from '@sallyport/authorization';
import { hasCode, SallyportError, SingleFlight, type Clock } from '@sallyport/kernel';
import * as oauth from 'oauth4webapi';
import type { StateLines } from '../state-lines.js';
import { insecure, sayUnavailable, unavailable } from './provider-errors.js';
import type { ProviderRequests } from './provider-requests.js';
import { rulesOf, type DiscoveredProvider, type TrustProvider } from './trust-provider.js';

const FRESH_MS = 10 * 60_000;
/**
 * Keys and metadata that cannot be renewed are good for so long: the tokens they are about come from the provider
 * itself, over TLS.
 */
export const KEPT_MS = 24 * 3_600_000;
/** What could not be read is not asked for again before this, or up to a quarter less. */
export const FAILED_MS = 2_000;

interface Parts {
  readonly requests: ProviderRequests;
  readonly lines: StateLines | undefined;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Nobody answered, or something else than metadata came: what was read before still stands. */
class MetadataUnread extends SallyportError<'trust_provider_unavailable'> {}

/**
 * The metadata of identity providers (OpenID Connect Discovery 1.0), read once for everybody who asks at the same time.
 */
export class ProviderMetadata {
  readonly #parts: Parts;
  readonly #known = new WeakMap<TrustProviderRules, { server: oauth.AuthorizationServer; readAt: number }>();
  readonly #reading = new SingleFlight<TrustProviderRules, oauth.AuthorizationServer>();
  readonly #failed = new WeakMap<TrustProviderRules, { error: unknown; until: number }>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** @throws SallyportError `trust_provider_unavailable` */
  async discover(provider: TrustProvider): Promise<DiscoveredProvider> {
    const rules = rulesOf(provider);
    const server = await this.#serverOf(provider, rules);
    return { provider, rules, server, client: { client_id: provider.spec.clientId } };
  }

  async #serverOf(provider: TrustProvider, rules: TrustProviderRules): Promise<oauth.AuthorizationServer> {
    const { clock } = this.#parts;
    const known = this.#known.get(rules);
    if (known && clock() - known.readAt < FRESH_MS) return known.server;
    const kept = known && clock() - known.readAt < KEPT_MS ? known.server : undefined;
    const failed = this.#failed.get(rules);
    if (failed && failed.until > clock()) {
      if (kept) return kept;
      throw failed.error;
    }
    // Metadata that is there and unacceptable is no outage.
    return this.#readOnce(provider, rules).catch((error: unknown) =>
      kept && error instanceof MetadataUnread ? kept : Promise.reject(error),
    );
  }

  /** One at a time: anybody can make us look, with a sign-in or something that is no logout token. */
  #readOnce(provider: TrustProvider, rules: TrustProviderRules): Promise<oauth.AuthorizationServer> {
    const { lines, clock, random } = this.#parts;
    const about = { trustProvider: provider.name };
    return this.#reading.run(rules, async () => {
      try {
        const server = await this.#read(provider, rules);
        lines?.works(about, 'an identity provider can be used again');
        return server;
      } catch (error) {
        lines?.failed(about, { err: error }, 'an identity provider cannot be used');
        this.#failed.set(rules, { error, until: clock() + FAILED_MS * (1 - random() / 4) });
        throw error;
      }
    });
  }

  async #read(provider: TrustProvider, rules: TrustProviderRules): Promise<oauth.AuthorizationServer> {
    try {
      const { discovery, template } = rules.issuer;
      const options = this.#parts.requests.options(provider, { isWatched: false });
      const response = await oauth.discoveryRequest(discovery, { ...options, algorithm: 'oidc' });
      const issuer = template === undefined ? discovery : new URL(template);
      const server = this.#accept(provider, rules, await oauth.processDiscoveryResponse(issuer, response));
      this.#known.set(rules, { server, readAt: this.#parts.clock() });
      return server;
    } catch (cause) {
      if (hasCode(cause, 'trust_provider_unavailable')) throw cause;
      const message = sayUnavailable(provider, 'its metadata cannot be read');
      throw new MetadataUnread('trust_provider_unavailable', message, { cause });
    }
  }

  /** @returns the metadata, with those of its signature algorithms that are allowed */
  #accept(
    provider: TrustProvider,
    rules: TrustProviderRules,
    metadata: oauth.AuthorizationServer,
  ): oauth.AuthorizationServer {
    const { code_challenge_methods_supported: challenges, authorization_endpoint: authorizationEndpoint } = metadata;
    if (challenges && !challenges.includes('S256')) throw unavailable(provider, 'it does not support PKCE with S256');
    if (authorizationEndpoint !== undefined && !this.#parts.requests.mayVisit(authorizationEndpoint))
      throw insecure(provider);
    const offered = metadata.id_token_signing_alg_values_supported ?? ['RS256'];
    const algorithms = rules.idTokenAlgorithms.filter((algorithm) => offered.includes(algorithm));
    if (algorithms.length === 0) throw unavailable(provider, 'it signs ID tokens with no algorithm that is allowed');
    return { ...metadata, id_token_signing_alg_values_supported: algorithms };
  }
}
