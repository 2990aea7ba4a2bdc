import * as oauth from 'oauth4webapi';
import {
  needsUserInfo,
  trustProviderRules,
  type ProvenClaims,
  type TrustProviderRules,
} from '@sallyport/authorization';
import type { DocumentOf } from '@sallyport/configuration';
import { SallyportError, type Clock, type Secret } from '@sallyport/kernel';
import type { SafeFetch } from '@sallyport/safe-fetch';
import { decodeJwt } from 'jose';
import { authenticateClient } from './authenticate-client.js';

export type TrustProvider = DocumentOf<'TrustProvider'>;

/** What must come back unchanged, and what proves that the answer belongs to this request. Single use. */
export interface SignInRequest {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
}
export interface SignInAnswer {
  readonly claims: ProvenClaims;
  readonly tokens: ProviderTokens;
}
export interface ProviderTokens {
  readonly refreshToken: string | undefined;
  readonly accessToken: string;
  readonly idToken: string | undefined;
  /** Of the access token, milliseconds since the epoch; undefined where the provider does not say. */
  readonly accessExpiresAt: number | undefined;
}
export type RefreshAnswer =
  | {
      readonly outcome: 'refreshed';
      readonly tokens: ProviderTokens;
      /** Asks for what the human's claims are now; undefined where the provider says nothing of them. */ readonly claims: () => Promise<
        ClaimsAnswer | undefined
      >;
    }
  | { readonly outcome: 'refused'; /** The provider's error code. */ readonly error: string };
export type ClaimsAnswer =
  | { readonly outcome: 'claims'; readonly claims: Partial<ProvenClaims> }
  | { readonly outcome: 'refused'; readonly error: string };

const METADATA_FRESH_MS = 10 * 60_000;
/** Metadata that could not be read is not asked for again before this, or up to a quarter less. */
const FAILED_MS = 2_000;
/** What a provider says when this human may not come in, or not without signing in again (RFC 6749 section 5.2, OpenID Connect Core section 3.1.2.6). */
const DEFINITE = new Set([
  'invalid_grant',
  'access_denied',
  'interaction_required',
  'login_required',
  'consent_required',
  'account_selection_required',
]);
/** Far above what a provider sends, far below what an expression could be kept busy with (security rule S29). */
const MAX_ID_TOKEN_LENGTH = 64 * 1024;

/**
 * We as OpenID Connect client of the customer's identity providers: code flow with PKCE, nonce, state and the `iss`
 * check (RFC 9207). Every request goes through the outbound guard; signatures are verified even where TLS would do.
 * @throws SallyportError `trust_provider_unavailable`, `trust_provider_refused`
 */
export class TrustProviders {
  readonly #issuer: string;
  readonly #fetch: SafeFetch;
  readonly #secret: (name: string) => Promise<Secret | undefined>;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #metadata = new WeakMap<TrustProviderRules, { server: oauth.AuthorizationServer; until: number }>();
  readonly #discovering = new WeakMap<TrustProviderRules, Promise<oauth.AuthorizationServer>>();
  readonly #failed = new WeakMap<TrustProviderRules, { error: unknown; until: number }>();

  /** @param options.secret of documents, by `TrustProvider/<name>/<field>` */
  constructor(options: {
    issuer: string;
    fetch: SafeFetch;
    secret: (name: string) => Promise<Secret | undefined>;
    clock: Clock;
    random?: () => number;
  }) {
    this.#issuer = options.issuer;
    this.#fetch = options.fetch;
    this.#secret = options.secret;
    this.#clock = options.clock;
    this.#random = options.random ?? Math.random;
  }

  redirectUri(provider: TrustProvider): string {
    return `${this.#issuer}/federation/${provider.name}/callback`;
  }

  /** Where to send the browser. */
  async authorizationUrl(
    provider: TrustProvider,
    request: SignInRequest,
    { forceFreshSignIn, loginHint }: { forceFreshSignIn: boolean; loginHint?: string | undefined },
  ): Promise<URL> {
    const rules = rulesOf(provider);
    const server = await this.#discover(provider, rules);
    if (!server.authorization_endpoint) throw unavailable(provider, 'it names no authorization endpoint');
    const url = new URL(server.authorization_endpoint);
    const offered = rules.scopesIfOffered.filter((scope) => server.scopes_supported?.includes(scope));
    const keepsAsking = provider.spec.session?.recheckEvery !== undefined;
    // How providers are asked for a refresh token, where they know it (OpenID Connect Core section 11).
    if (keepsAsking && server.scopes_supported?.includes('offline_access')) offered.push('offline_access');
    const { allowedTenants, require } = provider.spec;
    for (const [name, value] of Object.entries({
      client_id: provider.spec.clientId,
      redirect_uri: this.redirectUri(provider),
      response_type: 'code',
      scope: [...rules.scopes, ...offered].join(' '),
      state: request.state,
      nonce: request.nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(request.codeVerifier),
      code_challenge_method: 'S256',
      ...(require?.acr ? { acr_values: require.acr.join(' ') } : {}),
      ...(rules.maxAgeSeconds === undefined ? {} : { max_age: String(rules.maxAgeSeconds) }),
      ...(keepsAsking ? rules.offline : {}),
      ...(forceFreshSignIn ? { ...rules.freshSignIn, ...promptOf(rules, keepsAsking) } : {}),
      ...(loginHint === undefined ? {} : { login_hint: loginHint }),
      // A convenience of its account chooser; who comes back is checked.
      ...(rules.tenant === 'hd' && allowedTenants?.length === 1 ? { hd: allowedTenants[0] ?? '' } : {}),
    }))
      url.searchParams.set(name, value);
    return url;
  }

  /** @param callback the URL the browser came back with */
  async redeem(provider: TrustProvider, request: SignInRequest, callback: URL): Promise<SignInAnswer> {
    const rules = rulesOf(provider);
    const server = await this.#discover(provider, rules);
    const client: oauth.Client = { client_id: provider.spec.clientId };
    const options = this.#options(provider);
    try {
      const parameters = oauth.validateAuthResponse(server, client, callback, request.state);
      const authentication = await authenticateClient(provider, rules, server, this.#secret);
      const answer = await oauth.authorizationCodeGrantRequest(
        server,
        client,
        authentication,
        parameters,
        this.redirectUri(provider),
        request.codeVerifier,
        options,
      );
      const tokens = await oauth.processAuthorizationCodeResponse(
        await whoseTokenIs(answer, rules, server),
        client,
        answer,
        { expectedNonce: request.nonce, requireIdToken: true },
      );
      const idToken = await proven(provider, server, answer, tokens, options);
      if (!idToken) throw refusal(provider, 'it sent no ID token');
      return {
        claims: await this.#complete(provider, server, client, idToken, tokens.access_token),
        tokens: tokensOf(tokens, this.#clock()),
      };
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
    const rules = rulesOf(provider);
    const server = await this.#discover(provider, rules);
    const client: oauth.Client = { client_id: provider.spec.clientId };
    const options = this.#options(provider);
    try {
      const answer = await oauth.refreshTokenGrantRequest(
        server,
        client,
        await authenticateClient(provider, rules, server, this.#secret),
        refreshToken,
        options,
      );
      const tokens = await oauth.processRefreshTokenResponse(await whoseTokenIs(answer, rules, server), client, answer);
      const idToken = await proven(provider, server, answer, tokens, options);
      if (idToken && idToken.sub !== subject) throw refusal(provider, 'its ID token is for another human');
      return {
        outcome: 'refreshed',
        tokens: tokensOf(tokens, this.#clock()),
        claims: () =>
          this.#claimsAgain(provider, server, client, { idToken, accessToken: tokens.access_token, subject }),
      };
    } catch (cause) {
      if (cause instanceof oauth.ResponseBodyError && DEFINITE.has(cause.error))
        return { outcome: 'refused', error: cause.error };
      throw translate(provider, cause);
    }
  }

  async #claimsAgain(
    provider: TrustProvider,
    server: oauth.AuthorizationServer,
    client: oauth.Client,
    { idToken, accessToken, subject }: { idToken: oauth.IDToken | undefined; accessToken: string; subject: string },
  ): Promise<ClaimsAnswer | undefined> {
    try {
      if (idToken)
        return { outcome: 'claims', claims: await this.#complete(provider, server, client, idToken, accessToken) };
      if (!server.userinfo_endpoint || !rulesOf(provider).userInfo) return undefined;
      const answer = await oauth.userInfoRequest(server, client, accessToken, this.#options(provider));
      return {
        outcome: 'claims',
        claims: { userInfo: await oauth.processUserInfoResponse(server, client, subject, answer) },
      };
    } catch (cause) {
      // A token made a moment ago is not taken any more: the account it speaks of is closed (OpenID Connect Core section 5.3.3).
      if (
        cause instanceof oauth.WWWAuthenticateChallengeError &&
        cause.cause.some(({ parameters }) => parameters.error === 'invalid_token')
      )
        return { outcome: 'refused', error: 'invalid_token' };
      throw translate(provider, cause);
    }
  }

  /** Where a browser is sent to sign out at the provider too; undefined where it offers no such place (OpenID Connect RP-Initiated Logout 1.0). */
  async endSessionUrl(
    provider: TrustProvider,
    { idToken, returnTo }: { idToken: string | undefined; returnTo: string },
  ): Promise<URL | undefined> {
    const { end_session_endpoint: endpoint } = await this.#discover(provider, rulesOf(provider));
    if (endpoint === undefined) return undefined;
    if (!this.#fetch.mayVisit(endpoint)) throw insecure(provider);
    const url = new URL(endpoint);
    for (const [name, value] of Object.entries({
      client_id: provider.spec.clientId,
      post_logout_redirect_uri: returnTo,
      ...(idToken === undefined ? {} : { id_token_hint: idToken }),
    }))
      url.searchParams.set(name, value);
    return url;
  }

  /**
   * A token request of another grant, as the client people sign in with. What the answer means is the caller's to say.
   * @param tokenEndpoint the provider's own unless said
   */
  async requestToken(
    provider: TrustProvider,
    { grant_type: grantType, ...parameters }: Readonly<Record<string, string>> & { readonly grant_type: string },
    tokenEndpoint?: string,
  ): Promise<Response> {
    const rules = rulesOf(provider);
    const server = await this.#discover(provider, rules);
    const authentication = await authenticateClient(provider, rules, server, this.#secret);
    const at = { ...server, ...(tokenEndpoint === undefined ? {} : { token_endpoint: tokenEndpoint }) };
    try {
      return await oauth.genericTokenEndpointRequest(
        at,
        { client_id: provider.spec.clientId },
        authentication,
        grantType,
        parameters,
        this.#options(provider),
      );
    } catch (cause) {
      if (cause instanceof SallyportError) throw cause; // what became of the request is the caller's to tell
      throw unavailable(provider, 'a token cannot be requested there', cause);
    }
  }

  async tokenEndpoint(provider: TrustProvider): Promise<string> {
    const { token_endpoint: tokenEndpoint } = await this.#discover(provider, rulesOf(provider));
    if (tokenEndpoint === undefined) throw unavailable(provider, 'it names no token endpoint');
    return tokenEndpoint;
  }

  /** The keys a provider signs with, where it publishes them, and the algorithms it says it uses; never a shared secret. */
  async signatureSource(
    provider: TrustProvider,
  ): Promise<{ readonly jwksUri: string; readonly algorithms: readonly string[] }> {
    const { jwks_uri: jwksUri, id_token_signing_alg_values_supported: algorithms = [] } = await this.#discover(
      provider,
      rulesOf(provider),
    );
    if (!jwksUri) throw unavailable(provider, 'it publishes no keys');
    return { jwksUri, algorithms };
  }

  /** Some providers put profile claims only at their userinfo endpoint. */
  async #complete(
    provider: TrustProvider,
    server: oauth.AuthorizationServer,
    client: oauth.Client,
    idToken: oauth.IDToken,
    accessToken: string,
  ): Promise<ProvenClaims> {
    if (!server.userinfo_endpoint || !needsUserInfo(provider, idToken)) return { idToken };
    const answer = await oauth.userInfoRequest(server, client, accessToken, this.#options(provider));
    return { idToken, userInfo: await oauth.processUserInfoResponse(server, client, idToken.sub, answer) };
  }

  async #discover(provider: TrustProvider, rules: TrustProviderRules): Promise<oauth.AuthorizationServer> {
    const known = this.#metadata.get(rules);
    if (known && known.until > this.#clock()) return known.server;
    const failed = this.#failed.get(rules);
    if (failed && failed.until > this.#clock()) throw failed.error;
    // One at a time: whoever likes can make us look, with a sign-in or a logout token that is none.
    const underWay = this.#discovering.get(rules);
    if (underWay) return underWay;
    const discovering = this.#readMetadata(provider, rules)
      .catch((error: unknown) => {
        this.#failed.set(rules, { error, until: this.#clock() + FAILED_MS * (1 - this.#random() / 4) });
        throw error;
      })
      .finally(() => this.#discovering.delete(rules));
    this.#discovering.set(rules, discovering);
    return discovering;
  }

  async #readMetadata(provider: TrustProvider, rules: TrustProviderRules): Promise<oauth.AuthorizationServer> {
    try {
      const { discovery, template } = rules.issuer;
      const answer = await oauth.discoveryRequest(discovery, { ...this.#options(provider), algorithm: 'oidc' });
      const metadata = await oauth.processDiscoveryResponse(
        template === undefined ? discovery : new URL(template),
        answer,
      );
      if (metadata.code_challenge_methods_supported && !metadata.code_challenge_methods_supported.includes('S256'))
        throw unavailable(provider, 'it does not support PKCE with S256');
      const { authorization_endpoint: authorizationEndpoint } = metadata;
      if (authorizationEndpoint !== undefined && !this.#fetch.mayVisit(authorizationEndpoint)) throw insecure(provider);
      const offered = metadata.id_token_signing_alg_values_supported ?? ['RS256'];
      const algorithms = rules.idTokenAlgorithms.filter((algorithm) => offered.includes(algorithm));
      if (algorithms.length === 0) throw unavailable(provider, 'it signs ID tokens with no algorithm that is allowed');
      const server = { ...metadata, id_token_signing_alg_values_supported: algorithms };
      this.#metadata.set(rules, { server, until: this.#clock() + METADATA_FRESH_MS });
      return server;
    } catch (cause) {
      if (cause instanceof SallyportError && cause.code === 'trust_provider_unavailable') throw cause;
      throw unavailable(provider, 'its metadata cannot be read', cause);
    }
  }

  #options(provider: TrustProvider): {
    [oauth.customFetch]: (
      url: string,
      options: oauth.CustomFetchOptions<string, string | URLSearchParams | Uint8Array | null | undefined>,
    ) => Promise<Response>;
    [oauth.allowInsecureRequests]: boolean;
    signal: AbortSignal;
  } {
    return {
      [oauth.customFetch]: (url, init) =>
        this.#fetch(url, {
          method: init.method,
          headers: init.headers,
          body: init.body ?? null,
          redirect: 'manual',
          signal: init.signal ?? null,
        }),
      // Whether plain http is tolerated for this host is the outbound guard's decision, which has the last word.
      [oauth.allowInsecureRequests]: provider.spec.issuer.startsWith('http:'),
      signal: AbortSignal.timeout(10_000),
    };
  }
}

export function newSignInRequest(): SignInRequest {
  return {
    state: oauth.generateRandomState(),
    nonce: oauth.generateRandomNonce(),
    codeVerifier: oauth.generateRandomCodeVerifier(),
  };
}

const tokensOf = (
  {
    refresh_token: refreshToken,
    access_token: accessToken,
    id_token: idToken,
    expires_in: lifetime,
  }: oauth.TokenEndpointResponse,
  now: number,
): ProviderTokens => ({
  refreshToken,
  accessToken,
  idToken,
  accessExpiresAt: lifetime === undefined ? undefined : now + lifetime * 1000,
});

function rulesOf(provider: TrustProvider): TrustProviderRules {
  const rules = trustProviderRules(provider.spec);
  if ('invalid' in rules) throw unavailable(provider, 'it is not set up correctly', rules.invalid);
  return rules;
}

/** The claims of an answer's ID token once its signature is verified too; undefined without one. */
async function proven(
  provider: TrustProvider,
  server: oauth.AuthorizationServer,
  answer: Response,
  tokens: oauth.TokenEndpointResponse,
  options: oauth.ValidateSignatureOptions,
): Promise<oauth.IDToken | undefined> {
  const idToken = oauth.getValidatedIdTokenClaims(tokens);
  if (!idToken) return undefined;
  if ((tokens.id_token?.length ?? 0) > MAX_ID_TOKEN_LENGTH) throw refusal(provider, 'its ID token is too large');
  await oauth.validateApplicationLevelSignature(server, answer, options);
  return idToken;
}

/** Both reasons to prompt in one parameter, which is a list (OpenID Connect Core section 3.1.2.1). */
function promptOf({ freshSignIn, offline }: TrustProviderRules, keepsAsking: boolean): { prompt: string } | undefined {
  const prompts = [freshSignIn['prompt'], keepsAsking ? offline['prompt'] : undefined].filter(
    (prompt) => prompt !== undefined,
  );
  return prompts.length > 0 ? { prompt: prompts.join(' ') } : undefined;
}

/** Where one set of metadata stands for many issuers, the token says which one it is of, and must be of exactly that one. */
async function whoseTokenIs(
  answer: Response,
  rules: TrustProviderRules,
  server: oauth.AuthorizationServer,
): Promise<oauth.AuthorizationServer> {
  if (rules.issuer.template === undefined) return server;
  const body: unknown = await answer.clone().json();
  const token =
    typeof body === 'object' && body !== null && 'id_token' in body && typeof body.id_token === 'string'
      ? decodeJwt(body.id_token)
      : {};
  return { ...server, issuer: rules.issuer.expected(token) ?? rules.issuer.template };
}

const named = (provider: TrustProvider) => provider.spec.displayName ?? provider.name;
const unavailable = (provider: TrustProvider, why: string, cause?: unknown) =>
  new SallyportError('trust_provider_unavailable', `${named(provider)} cannot be used now: ${why}.`, { cause });
const insecure = (provider: TrustProvider) =>
  unavailable(provider, 'it would have browsers sent to an address without https');
const refusal = (provider: TrustProvider, why: string, cause?: unknown) =>
  new SallyportError('trust_provider_refused', `${named(provider)} did not confirm the sign-in: ${why}.`, { cause });

function translate(provider: TrustProvider, cause: unknown): SallyportError {
  if (cause instanceof SallyportError)
    return cause.code.startsWith('trust_provider_') ? cause : unavailable(provider, 'it cannot be reached', cause);
  if (cause instanceof oauth.AuthorizationResponseError)
    return refusal(provider, cause.error === 'access_denied' ? 'it was cancelled' : 'it answered with an error', cause);
  return refusal(provider, 'its answer does not fit the request', cause);
}
