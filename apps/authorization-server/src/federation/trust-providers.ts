import * as oauth from 'oauth4webapi';
import type { DocumentOf } from '@sallyport/configuration';
import { SallyportError, type Clock, type Secret } from '@sallyport/kernel';

export type TrustProvider = DocumentOf<'TrustProvider'>;

/** What must come back unchanged, and what proves that the answer belongs to this request. Single use. */
export interface SignInRequest {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
}
export interface SignInAnswer {
  readonly claims: Readonly<Record<string, unknown>>;
  readonly tokens: ProviderTokens;
}
export interface ProviderTokens {
  readonly refreshToken: string | undefined;
  readonly accessToken: string;
  readonly idToken: string | undefined;
}
export type RefreshAnswer =
  | { readonly outcome: 'refreshed'; readonly tokens: ProviderTokens; /** Asks for what the human's claims are now; undefined where the provider says nothing of them. */ readonly claims: () => Promise<ClaimsAnswer | undefined> }
  | { readonly outcome: 'refused'; /** The provider's error code. */ readonly error: string };
export type ClaimsAnswer = { readonly outcome: 'claims'; readonly claims: Readonly<Record<string, unknown>> } | { readonly outcome: 'refused'; readonly error: string };

const METADATA_FRESH_MS = 10 * 60_000;
/** What a provider says when this human may not come in, or not without signing in again (RFC 6749 section 5.2, OpenID Connect Core section 3.1.2.6). */
const DEFINITE = new Set(['invalid_grant', 'access_denied', 'interaction_required', 'login_required', 'consent_required', 'account_selection_required']);

/**
 * We as OpenID Connect client of the customer's identity providers: code flow with PKCE, nonce, state and the `iss`
 * check (RFC 9207). Every request goes through the outbound guard; signatures are verified even where TLS would do.
 * @throws SallyportError `trust_provider_unavailable`, `trust_provider_refused`
 */
export class TrustProviders {
  readonly #issuer: string;
  readonly #fetch: typeof globalThis.fetch;
  readonly #clientSecret: (name: string) => Promise<Secret | undefined>;
  readonly #clock: Clock;
  readonly #metadata = new Map<string, { server: oauth.AuthorizationServer; until: number }>();

  constructor(options: { issuer: string; fetch: typeof globalThis.fetch; clientSecret: (name: string) => Promise<Secret | undefined>; clock: Clock }) {
    this.#issuer = options.issuer;
    this.#fetch = options.fetch;
    this.#clientSecret = options.clientSecret;
    this.#clock = options.clock;
  }

  redirectUri(provider: TrustProvider): string {
    return `${this.#issuer}/federation/${provider.name}/callback`;
  }

  /** Where to send the browser. */
  async authorizationUrl(provider: TrustProvider, request: SignInRequest, { forceFreshSignIn }: { forceFreshSignIn: boolean }): Promise<URL> {
    const server = await this.#discover(provider);
    if (!server.authorization_endpoint) throw unavailable(provider, 'it names no authorization endpoint');
    const url = new URL(server.authorization_endpoint);
    const scopes = new Set(provider.spec.scopes);
    // How providers are asked for a refresh token, where they know it (OpenID Connect Core section 11).
    if (provider.spec.session?.recheckEvery !== undefined && server.scopes_supported?.includes('offline_access')) scopes.add('offline_access');
    for (const [name, value] of Object.entries({
      client_id: provider.spec.clientId,
      redirect_uri: this.redirectUri(provider),
      response_type: 'code',
      scope: [...scopes].join(' '),
      state: request.state,
      nonce: request.nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(request.codeVerifier),
      code_challenge_method: 'S256',
      ...(forceFreshSignIn ? { prompt: 'login', max_age: '0' } : {}),
    })) url.searchParams.set(name, value);
    return url;
  }

  /** @param callback the URL the browser came back with */
  async redeem(provider: TrustProvider, request: SignInRequest, callback: URL): Promise<SignInAnswer> {
    const server = await this.#discover(provider);
    const client: oauth.Client = { client_id: provider.spec.clientId };
    const options = this.#options(provider);
    try {
      const parameters = oauth.validateAuthResponse(server, client, callback, request.state);
      const answer = await oauth.authorizationCodeGrantRequest(server, client, await this.#authenticate(provider, server), parameters, this.redirectUri(provider), request.codeVerifier, options);
      const tokens = await oauth.processAuthorizationCodeResponse(server, client, answer, { expectedNonce: request.nonce, requireIdToken: true });
      await oauth.validateApplicationLevelSignature(server, answer, options);
      const idToken = oauth.getValidatedIdTokenClaims(tokens);
      if (!idToken) throw refusal(provider, 'it sent no ID token');
      return { claims: await this.#complete(provider, server, client, idToken, tokens.access_token), tokens: tokensOf(tokens) };
    } catch (cause) {
      throw translate(provider, cause);
    }
  }

  /**
   * Asks again with the refresh token of a sign-in. Only a provider's own word is a refusal; anything else throws, and says
   * nothing about the human. What it returns must be stored before its claims are asked for: the token may be single use.
   * @param subject `sub` of the sign-in's ID token; a new one must be for it (OpenID Connect Core section 12.2)
   * @throws SallyportError `trust_provider_unavailable`, `trust_provider_refused` (an answer that fits no request of ours)
   */
  async refresh(provider: TrustProvider, refreshToken: string, subject: string): Promise<RefreshAnswer> {
    const server = await this.#discover(provider);
    const client: oauth.Client = { client_id: provider.spec.clientId };
    const options = this.#options(provider);
    try {
      const answer = await oauth.refreshTokenGrantRequest(server, client, await this.#authenticate(provider, server), refreshToken, options);
      const tokens = await oauth.processRefreshTokenResponse(server, client, answer);
      const idToken = oauth.getValidatedIdTokenClaims(tokens);
      if (idToken) await oauth.validateApplicationLevelSignature(server, answer, options);
      if (idToken && idToken.sub !== subject) throw refusal(provider, 'its ID token is for another human');
      return { outcome: 'refreshed', tokens: tokensOf(tokens), claims: () => this.#claimsAgain(provider, server, client, { idToken, accessToken: tokens.access_token, subject }) };
    } catch (cause) {
      if (cause instanceof oauth.ResponseBodyError && cause.status < 500 && DEFINITE.has(cause.error)) return { outcome: 'refused', error: cause.error };
      throw translate(provider, cause);
    }
  }

  async #claimsAgain(provider: TrustProvider, server: oauth.AuthorizationServer, client: oauth.Client, { idToken, accessToken, subject }: { idToken: oauth.IDToken | undefined; accessToken: string; subject: string }): Promise<ClaimsAnswer | undefined> {
    try {
      if (idToken) return { outcome: 'claims', claims: await this.#complete(provider, server, client, idToken, accessToken) };
      if (!server.userinfo_endpoint) return undefined;
      const answer = await oauth.userInfoRequest(server, client, accessToken, this.#options(provider));
      return { outcome: 'claims', claims: await oauth.processUserInfoResponse(server, client, subject, answer) };
    } catch (cause) {
      // A token made a moment ago is not taken any more: the account it speaks of is closed (OpenID Connect Core section 5.3.3).
      if (cause instanceof oauth.WWWAuthenticateChallengeError && cause.cause.some(({ parameters }) => parameters.error === 'invalid_token')) return { outcome: 'refused', error: 'invalid_token' };
      throw translate(provider, cause);
    }
  }

  /** Where a browser is sent to sign out at the provider too; undefined where it offers no such place (OpenID Connect RP-Initiated Logout 1.0). */
  async endSessionUrl(provider: TrustProvider, { idToken, returnTo }: { idToken: string | undefined; returnTo: string }): Promise<URL | undefined> {
    const { end_session_endpoint: endpoint } = await this.#discover(provider);
    if (endpoint === undefined || !URL.canParse(endpoint)) return undefined;
    const url = new URL(endpoint);
    if (url.protocol !== 'https:' && url.protocol !== new URL(provider.spec.issuer).protocol) return undefined;
    for (const [name, value] of Object.entries({ client_id: provider.spec.clientId, post_logout_redirect_uri: returnTo, ...(idToken === undefined ? {} : { id_token_hint: idToken }) })) url.searchParams.set(name, value);
    return url;
  }

  /** The keys a provider signs with, where it publishes them, and the algorithms it says it uses; never a shared secret. */
  async signatureSource(provider: TrustProvider): Promise<{ readonly jwksUri: string; readonly algorithms: readonly string[] }> {
    const server = await this.#discover(provider);
    if (!server.jwks_uri) throw unavailable(provider, 'it publishes no keys');
    const algorithms = (server.id_token_signing_alg_values_supported ?? ['RS256']).filter((alg) => /^(?:RS|PS|ES)(?:256|384|512)$|^EdDSA$|^Ed25519$/.test(alg));
    return { jwksUri: server.jwks_uri, algorithms };
  }

  /** Some providers put profile claims only at their userinfo endpoint; the ID token's own claims always win. */
  async #complete(provider: TrustProvider, server: oauth.AuthorizationServer, client: oauth.Client, idToken: oauth.IDToken, accessToken: string): Promise<Record<string, unknown>> {
    const { email, name, groups } = provider.spec.claims;
    if (!server.userinfo_endpoint || [email, name, groups].every((claim) => idToken[claim] !== undefined)) return { ...idToken };
    const answer = await oauth.userInfoRequest(server, client, accessToken, this.#options(provider));
    const userInfo = await oauth.processUserInfoResponse(server, client, idToken.sub, answer);
    return { ...userInfo, ...idToken };
  }

  async #discover(provider: TrustProvider): Promise<oauth.AuthorizationServer> {
    const key = `${provider.name} ${provider.spec.issuer}`;
    const known = this.#metadata.get(key);
    if (known && known.until > this.#clock()) return known.server;
    try {
      const issuer = new URL(provider.spec.issuer);
      const answer = await oauth.discoveryRequest(issuer, { ...this.#options(provider), algorithm: 'oidc' });
      const server = await oauth.processDiscoveryResponse(issuer, answer);
      if (server.code_challenge_methods_supported && !server.code_challenge_methods_supported.includes('S256')) throw unavailable(provider, 'it does not support PKCE with S256');
      this.#metadata.set(key, { server, until: this.#clock() + METADATA_FRESH_MS });
      return server;
    } catch (cause) {
      if (cause instanceof SallyportError && cause.code === 'trust_provider_unavailable') throw cause;
      throw unavailable(provider, 'its metadata cannot be read', cause);
    }
  }

  async #authenticate(provider: TrustProvider, server: oauth.AuthorizationServer): Promise<oauth.ClientAuth> {
    const secret = provider.spec.clientSecret ? await this.#clientSecret(`TrustProvider/${provider.name}/clientSecret`) : undefined;
    if (provider.spec.clientSecret && !secret) throw unavailable(provider, 'its client secret is not stored');
    if (!secret) return oauth.None();
    // In the body where that is offered: providers disagree on how a secret is encoded for the header (RFC 6749 section 2.3.1).
    const inBody = server.token_endpoint_auth_methods_supported?.includes('client_secret_post');
    return inBody ? oauth.ClientSecretPost(secret.reveal()) : oauth.ClientSecretBasic(secret.reveal());
  }

  #options(provider: TrustProvider): { [oauth.customFetch]: (url: string, options: oauth.CustomFetchOptions<string, string | URLSearchParams | Uint8Array | null | undefined>) => Promise<Response>; [oauth.allowInsecureRequests]: boolean; signal: AbortSignal } {
    return {
      [oauth.customFetch]: (url, init) => this.#fetch(url, { method: init.method, headers: init.headers, body: init.body ?? null, redirect: 'manual', signal: init.signal ?? null }),
      // Whether plain http is tolerated for this host is the outbound guard's decision, which has the last word.
      [oauth.allowInsecureRequests]: provider.spec.issuer.startsWith('http:'),
      signal: AbortSignal.timeout(10_000),
    };
  }
}

export function newSignInRequest(): SignInRequest {
  return { state: oauth.generateRandomState(), nonce: oauth.generateRandomNonce(), codeVerifier: oauth.generateRandomCodeVerifier() };
}

const tokensOf = ({ refresh_token: refreshToken, access_token: accessToken, id_token: idToken }: oauth.TokenEndpointResponse): ProviderTokens => ({ refreshToken, accessToken, idToken });
const named = (provider: TrustProvider) => provider.spec.displayName ?? provider.name;
const unavailable = (provider: TrustProvider, why: string, cause?: unknown) => new SallyportError('trust_provider_unavailable', `${named(provider)} cannot be used now: ${why}.`, { cause });
const refusal = (provider: TrustProvider, why: string, cause?: unknown) => new SallyportError('trust_provider_refused', `${named(provider)} did not confirm the sign-in: ${why}.`, { cause });

function translate(provider: TrustProvider, cause: unknown): SallyportError {
  if (cause instanceof SallyportError) return cause.code.startsWith('trust_provider_') ? cause : unavailable(provider, 'it cannot be reached', cause);
  if (cause instanceof oauth.AuthorizationResponseError) return refusal(provider, cause.error === 'access_denied' ? 'it was cancelled' : 'it answered with an error', cause);
  return refusal(provider, 'its answer does not fit the request', cause);
}
