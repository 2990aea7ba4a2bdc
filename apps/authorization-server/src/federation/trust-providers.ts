import type { ProvenClaims } from '@sallyport/authorization';
import { SallyportError, type Clock, type Secret } from '@sallyport/kernel';
import type { SafeFetch } from '@sallyport/safe-fetch';
import type { Logger } from '@sallyport/telemetry';
import * as oauth from 'oauth4webapi';
import { IssuerKeys } from '@sallyport/access-token/published-keys';
import { authenticateClient } from './provider/authenticate-client.js';
import {
  authorizationUrl,
  withParameters,
  type SignInRequest,
  type SignInHints,
} from './provider/authorization-url.js';
import { ProviderClaims, type ClaimsResult } from './provider/provider-claims.js';
import { insecure, refusal, translate, unavailable, wasNotSent } from './provider/provider-errors.js';
import { FAILED_MS, KEPT_MS, ProviderMetadata } from './provider/provider-metadata.js';
import { ProviderRequests } from './provider/provider-requests.js';
import { grantedBy, serverOfToken, subjectOf, tokensOf, type ProviderTokens } from './provider/provider-tokens.js';
import type { DiscoveredProvider, TrustProvider } from './provider/trust-provider.js';
import { StateLines } from './state-lines.js';

export interface ProvenSignIn {
  readonly claims: ProvenClaims;
  readonly tokens: ProviderTokens;
}
export type RefreshResult =
  | {
      readonly type: 'granted';
      /** To be stored before anything else is done: the one that was sent may be good for nothing now. */
      readonly refreshToken: string | undefined;
      /**
       * What else was granted, once it is proven to be of the sign-in's human.
       * @throws SallyportError as {@link TrustProviders} does
       */
      readonly prove: () => Promise<ProvenRefresh>;
    }
  /** The provider's error code: its own word about the grant or the human. */
  | { readonly type: 'refused'; readonly error: string }
  /** The token was sent, and nobody knows whether it was spent. */
  | { readonly type: 'unanswered'; readonly cause: SallyportError };
export interface ProvenRefresh {
  readonly tokens: ProviderTokens;
  /** Asks for what the human's claims are now; undefined where the provider says nothing of them. */
  readonly claims: () => Promise<ClaimsResult | undefined>;
}

/**
 * A provider says so when this human may not come in, or not without signing in again (RFC 6749 section 5.2, OpenID
 * Connect Core section 3.1.2.6).
 */
const DEFINITE = new Set([
  'invalid_grant',
  'access_denied',
  'interaction_required',
  'login_required',
  'consent_required',
  'account_selection_required',
]);

export interface TrustProvidersOptions {
  readonly issuer: string;
  readonly fetch: SafeFetch;
  /** Of documents, by `TrustProvider/<name>/<field>`. */
  readonly secret: (name: string) => Promise<Secret | undefined>;
  readonly clock: Clock;
  readonly random?: () => number;
  readonly logger?: Pick<Logger, 'warn' | 'info'>;
}

/**
 * We as OpenID Connect client of the customer's identity providers: code flow with PKCE, nonce, state and the `iss`
 * check (RFC 9207). Every request goes through the outbound guard; signatures are verified even where TLS would do.
 * @throws SallyportError `trust_provider_unavailable`, `trust_provider_refused`
 */
export class TrustProviders {
  readonly #options: TrustProvidersOptions;
  readonly #requests: ProviderRequests;
  readonly #metadata: ProviderMetadata;
  readonly #claims: ProviderClaims;

  constructor(options: TrustProvidersOptions) {
    const { fetch, clock, random = Math.random, logger } = options;
    const lines = logger && new StateLines({ clock, logger });
    // A token signed with an unknown key came from the provider itself: nobody else can make us ask for its keys.
    const keys = new IssuerKeys({
      fetch,
      clock,
      usableMs: KEPT_MS,
      cooldownMs: 0,
      retryMs: FAILED_MS,
      onProblem: (source, err) => logger?.warn({ err, source }, 'the keys of an identity provider could not be read'),
      onRecovered: (source) => logger?.info({ source }, 'the keys of an identity provider can be read again'),
    });
    this.#options = options;
    this.#requests = new ProviderRequests(fetch, lines);
    this.#metadata = new ProviderMetadata({ requests: this.#requests, lines, clock, random });
    this.#claims = new ProviderClaims({ requests: this.#requests, keys, logger });
  }

  redirectUri(provider: TrustProvider): string {
    return `${this.#options.issuer}/federation/${provider.name}/callback`;
  }

  /** Where a browser is sent to sign in. */
  async authorizationUrl(provider: TrustProvider, request: SignInRequest, hints: SignInHints): Promise<URL> {
    const discovered = await this.#metadata.discover(provider);
    return authorizationUrl(discovered, this.redirectUri(provider), request, hints);
  }

  /** @param callback the URL the browser came back with */
  async redeem(provider: TrustProvider, request: SignInRequest, callback: URL): Promise<ProvenSignIn> {
    const discovered = await this.#metadata.discover(provider);
    const { server, client } = discovered;
    const options = this.#requests.options(provider);
    try {
      const parameters = oauth.validateAuthResponse(server, client, callback, request.state);
      const response = await oauth.authorizationCodeGrantRequest(
        server,
        client,
        await this.#authenticate(discovered),
        parameters,
        this.redirectUri(provider),
        request.codeVerifier,
        options,
      );
      const tokens = await oauth.processAuthorizationCodeResponse(
        await serverOfToken(response, discovered),
        client,
        response,
        { expectedNonce: request.nonce, requireIdToken: true },
      );
      const idToken = await this.#claims.proven(discovered, tokens);
      if (!idToken) throw refusal(provider, 'it sent no ID token');
      const { claims } = await this.#claims.complete(discovered, idToken, tokens.access_token);
      return { claims, tokens: tokensOf(tokens, this.#options.clock()) };
    } catch (cause) {
      throw translate(provider, cause);
    }
  }

  /**
   * Asks again with the refresh token of a sign-in, once. Only a provider's own word is a refusal.
   * @param subject `sub` of the sign-in's ID token; a new one must be for it (OpenID Connect Core section 12.2)
   * @throws SallyportError `trust_provider_unavailable`, `trust_provider_refused`: nothing was spent
   */
  async refresh(provider: TrustProvider, refreshToken: string, subject: string): Promise<RefreshResult> {
    const discovered = await this.#metadata.discover(provider);
    const { server, client } = discovered;
    const authentication = await this.#authenticate(discovered);
    const options = this.#requests.options(provider);
    let response: Response;
    try {
      response = await oauth.refreshTokenGrantRequest(server, client, authentication, refreshToken, options);
    } catch (cause) {
      if (wasNotSent(cause)) throw translate(provider, cause);
      return { type: 'unanswered', cause: translate(provider, cause) };
    }
    const granted = await grantedBy(response);
    if (!granted) return this.#notGranted(discovered, response);
    // Somebody else's is not to be asked with again, whatever follows.
    if (![undefined, subject].includes(subjectOf(granted.id_token)))
      throw refusal(provider, 'its ID token is for another human');
    return {
      type: 'granted',
      refreshToken: granted.refresh_token,
      prove: () => this.#prove(discovered, response, subject),
    };
  }

  /** @throws SallyportError when the provider says that it did nothing */
  async #notGranted({ provider, server, client }: DiscoveredProvider, response: Response): Promise<RefreshResult> {
    const { status } = response;
    const cause = await oauth.processRefreshTokenResponse(server, client, response).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (cause instanceof oauth.ResponseBodyError && DEFINITE.has(cause.error))
      return { type: 'refused', error: cause.error };
    const said = translate(provider, cause);
    // What an overloaded or absent provider answers, and what refuses the client, was decided before the token was
    // looked at.
    if (status === 503 || status === 429 || (status >= 400 && status < 500)) throw said;
    return { type: 'unanswered', cause: said };
  }

  async #prove(discovered: DiscoveredProvider, response: Response, subject: string): Promise<ProvenRefresh> {
    const { provider, client } = discovered;
    try {
      const server = await serverOfToken(response, discovered);
      const tokens = await oauth.processRefreshTokenResponse(server, client, response);
      const idToken = await this.#claims.proven(discovered, tokens);
      if (idToken && idToken.sub !== subject) throw refusal(provider, 'its ID token is for another human');
      return {
        tokens: tokensOf(tokens, this.#options.clock()),
        claims: () => this.#claims.again(discovered, { idToken, accessToken: tokens.access_token, subject }),
      };
    } catch (cause) {
      throw translate(provider, cause);
    }
  }

  /**
   * Where a browser is sent to sign out at the provider too; undefined where it offers no such place (OpenID Connect
   * RP-Initiated Logout 1.0).
   */
  async endSessionUrl(
    provider: TrustProvider,
    { idToken, returnTo }: { idToken: string | undefined; returnTo: string },
  ): Promise<URL | undefined> {
    const { server } = await this.#metadata.discover(provider);
    const { end_session_endpoint: endpoint } = server;
    if (endpoint === undefined) return undefined;
    if (!this.#requests.mayVisit(endpoint)) throw insecure(provider);
    return withParameters(endpoint, {
      client_id: provider.spec.clientId,
      post_logout_redirect_uri: returnTo,
      ...(idToken === undefined ? {} : { id_token_hint: idToken }),
    });
  }

  /**
   * A token request of another grant, as the client people sign in with. What the response means is the caller's to
   * say.
   * @param tokenEndpoint the provider's own unless said
   */
  async requestToken(
    provider: TrustProvider,
    { grant_type: grantType, ...parameters }: Readonly<Record<string, string>> & { readonly grant_type: string },
    tokenEndpoint?: string,
  ): Promise<Response> {
    const discovered = await this.#metadata.discover(provider);
    const { server, client } = discovered;
    const authentication = await this.#authenticate(discovered);
    const at = { ...server, ...(tokenEndpoint === undefined ? {} : { token_endpoint: tokenEndpoint }) };
    const options = this.#requests.options(provider);
    try {
      return await oauth.genericTokenEndpointRequest(at, client, authentication, grantType, parameters, options);
    } catch (cause) {
      if (cause instanceof SallyportError) throw cause; // what became of the request is the caller's to tell
      throw unavailable(provider, 'a token cannot be requested there', cause);
    }
  }

  async tokenEndpoint(provider: TrustProvider): Promise<string> {
    const { server } = await this.#metadata.discover(provider);
    if (server.token_endpoint === undefined) throw unavailable(provider, 'it names no token endpoint');
    return server.token_endpoint;
  }

  /**
   * The keys a provider signs with, where it publishes them, and the algorithms it says it uses; never a shared secret.
   */
  async signatureSource(
    provider: TrustProvider,
  ): Promise<{ readonly jwksUri: string; readonly algorithms: readonly string[] }> {
    const { server } = await this.#metadata.discover(provider);
    if (!server.jwks_uri) throw unavailable(provider, 'it publishes no keys');
    return { jwksUri: server.jwks_uri, algorithms: server.id_token_signing_alg_values_supported ?? [] };
  }

  #authenticate({ provider, rules, server }: DiscoveredProvider): Promise<oauth.ClientAuth> {
    return authenticateClient(provider, rules, server, this.#options.secret);
  }
}
