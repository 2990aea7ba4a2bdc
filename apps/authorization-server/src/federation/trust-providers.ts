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
}

const METADATA_FRESH_MS = 10 * 60_000;

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
    for (const [name, value] of Object.entries({
      client_id: provider.spec.clientId,
      redirect_uri: this.redirectUri(provider),
      response_type: 'code',
      scope: provider.spec.scopes.join(' '),
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
      return { claims: await this.#complete(provider, server, client, idToken, tokens.access_token) };
    } catch (cause) {
      throw translate(provider, cause);
    }
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

const named = (provider: TrustProvider) => provider.spec.displayName ?? provider.name;
const unavailable = (provider: TrustProvider, why: string, cause?: unknown) => new SallyportError('trust_provider_unavailable', `${named(provider)} cannot be used now: ${why}.`, { cause });
const refusal = (provider: TrustProvider, why: string, cause?: unknown) => new SallyportError('trust_provider_refused', `${named(provider)} did not confirm the sign-in: ${why}.`, { cause });

function translate(provider: TrustProvider, cause: unknown): SallyportError {
  if (cause instanceof SallyportError) return cause.code.startsWith('trust_provider_') ? cause : unavailable(provider, 'it cannot be reached', cause);
  if (cause instanceof oauth.AuthorizationResponseError) return refusal(provider, cause.error === 'access_denied' ? 'it was cancelled' : 'it answered with an error', cause);
  return refusal(provider, 'its answer does not fit the request', cause);
}
