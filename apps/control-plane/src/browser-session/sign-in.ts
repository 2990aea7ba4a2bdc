import {
  customFetch,
  allowInsecureRequests,
  authorizationCodeGrantRequest,
  calculatePKCECodeChallenge,
  generateRandomCodeVerifier,
  generateRandomNonce,
  generateRandomState,
  getValidatedIdTokenClaims,
  None,
  processAuthorizationCodeResponse,
  validateApplicationLevelSignature,
  validateAuthResponse,
  AuthorizationResponseError,
  OperationProcessingError,
  ResponseBodyError,
  type AuthorizationServer,
  type Client,
  type CustomFetchOptions,
} from 'oauth4webapi';
import { hasCode, isErrorOf, isId, SallyportError, type Clock, type UserId } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import type { SafeFetch } from '@sallyport/safe-fetch';
import { z } from 'zod';
import { cookieNames } from '../pages/cookies.js';
import { SignInCookies } from './sign-in-cookies.js';

export const CONTROL_PLANE_CLIENT_ID = 'sallyport-control-plane';

/** Our own authorization server. The URLs may differ from the issuer's where the control plane reaches it inside. */
export interface OwnAuthorizationServer {
  readonly issuer: string;
  readonly authorizeUrl: string;
  readonly tokenUrl: string;
  readonly jwksUrl: string;
}

export type SignInResult =
  | {
      readonly type: 'signed_in';
      readonly userId: UserId;
      /** The sign-in at the identity provider. */ readonly signIn: string;
      readonly returnTo: string;
    }
  | { readonly type: 'refused'; readonly reason: 'no_sign_in_under_way' | 'expired' | 'not_completed' }
  | {
      /** Our authorization server does not answer now: nothing is wrong with the sign-in. */
      readonly type: 'unavailable';
      readonly returnTo: string;
    };

const PURPOSE = 'sign-in';
/** What our authorization server can be told to sign with; the published key says which one it is. */
const ID_TOKEN_ALGORITHMS = ['ES256', 'RS256', 'EdDSA'];
const LIFETIME_MS = 10 * 60 * 1000;
const Pending = z.object({
  state: z.string(),
  nonce: z.string(),
  codeVerifier: z.string(),
  returnTo: z.string(),
  expiresAt: z.number(),
});

/**
 * Signs users in at our own authorization server, as an OpenID client of it: code flow, PKCE, nonce. A sealed cookie of
 * its own binds each sign-in to the browser.
 */
export class SignIn {
  readonly #server: AuthorizationServer;
  readonly #client: Client = { client_id: CONTROL_PLANE_CLIENT_ID };
  readonly #redirectUri: string;
  readonly #signedOutUri: string;
  readonly #fetch: SafeFetch;
  readonly #sealer: Sealer;
  readonly #clock: Clock;
  readonly #cookies: SignInCookies;

  constructor(options: {
    authorizationServer: OwnAuthorizationServer;
    controlPlaneUrl: string;
    fetch: SafeFetch;
    sealer: Sealer;
    clock: Clock;
  }) {
    const { issuer, authorizeUrl, tokenUrl, jwksUrl } = options.authorizationServer;
    this.#server = {
      issuer,
      authorization_endpoint: authorizeUrl,
      token_endpoint: tokenUrl,
      jwks_uri: jwksUrl,
      authorization_response_iss_parameter_supported: true,
      id_token_signing_alg_values_supported: ID_TOKEN_ALGORITHMS,
    };
    this.#redirectUri = `${options.controlPlaneUrl}/session/callback`;
    this.#signedOutUri = `${options.controlPlaneUrl}/session/ended`;
    this.#fetch = options.fetch;
    this.#sealer = options.sealer;
    this.#clock = options.clock;
    this.#cookies = new SignInCookies(
      cookieNames(options.controlPlaneUrl),
      (cookie) => this.#openPending(cookie)?.expiresAt ?? 0,
    );
  }

  /**
   * @param returnTo a path of ours
   * @param cookieHeader of the request; other sign-ins may be under way in this browser
   * @returns where to send the browser, and `Set-Cookie` headers that bind the answer to it
   */
  async begin(
    returnTo: string,
    cookieHeader: string | undefined,
    { freshSignIn = false } = {},
  ): Promise<{ readonly url: string; readonly setCookies: string[] }> {
    const pending = {
      state: generateRandomState(),
      nonce: generateRandomNonce(),
      codeVerifier: generateRandomCodeVerifier(),
      returnTo,
      expiresAt: this.#clock() + LIFETIME_MS,
    };
    const url = new URL(this.#server.authorization_endpoint ?? '');
    const parameters = {
      client_id: CONTROL_PLANE_CLIENT_ID,
      response_type: 'code',
      redirect_uri: this.#redirectUri,
      scope: 'openid',
      state: pending.state,
      nonce: pending.nonce,
      code_challenge: await calculatePKCECodeChallenge(pending.codeVerifier),
      code_challenge_method: 'S256',
      ...(freshSignIn ? { prompt: 'login' } : {}),
    };
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    const cookie = this.#sealer.seal(PURPOSE, JSON.stringify(pending), '').toString('base64url');
    const begun = { state: pending.state, cookie, maxAgeSeconds: LIFETIME_MS / 1000 };
    return { url: url.toString(), setCookies: this.#cookies.begin(cookieHeader, begun) };
  }

  /** Where a browser signs out at our authorization server, and comes back to us. */
  signOutUrl(): string {
    const url = new URL(`${this.#server.issuer}/session/end`);
    url.searchParams.set('client_id', CONTROL_PLANE_CLIENT_ID);
    url.searchParams.set('post_logout_redirect_uri', this.#signedOutUri);
    return url.href;
  }

  /** @returns the `Set-Cookie` header that removes what `begin` set, for a sign-in that is over */
  forget(parameters: URLSearchParams): string {
    return this.#cookies.end(parameters.get('state') ?? '');
  }

  /** The callback. `state` and the cookie must belong together; the ID token is verified, signature included. */
  async complete(parameters: URLSearchParams, cookieHeader: string | undefined): Promise<SignInResult> {
    const pending = this.#openPending(this.#cookies.find(cookieHeader, parameters.get('state')));
    if (!pending) return { type: 'refused', reason: 'no_sign_in_under_way' };
    if (pending.expiresAt <= this.#clock()) return { type: 'refused', reason: 'expired' };
    const call = (url: string, { body, signal, ...init }: CustomFetchOptions<string, URLSearchParams | undefined>) =>
      this.#fetch(url, { ...init, ...(body ? { body } : {}), ...(signal ? { signal } : {}) });
    const options = { [customFetch]: call, [allowInsecureRequests]: this.#server.issuer.startsWith('http:') };
    // This object remembers keys. With one of its own, each sign-in also sees a key that was made a moment ago.
    const server = { ...this.#server };
    try {
      const validated = validateAuthResponse(server, this.#client, parameters, pending.state);
      const response = await authorizationCodeGrantRequest(
        server,
        this.#client,
        None(),
        validated,
        this.#redirectUri,
        pending.codeVerifier,
        options,
      );
      const tokens = await processAuthorizationCodeResponse(server, this.#client, response, {
        expectedNonce: pending.nonce,
        requireIdToken: true,
      });
      await validateApplicationLevelSignature(server, response, options);
      const claims = getValidatedIdTokenClaims(tokens);
      const [subject, signIn] = [claims?.sub, claims?.['identity_session']];
      if (!isId('usr', subject) || !isId('ids', signIn)) return { type: 'refused', reason: 'not_completed' };
      return { type: 'signed_in', userId: subject, signIn, returnTo: pending.returnTo };
    } catch (error) {
      if (isNotNow(error)) return { type: 'unavailable', returnTo: pending.returnTo };
      if (
        error instanceof AuthorizationResponseError ||
        error instanceof ResponseBodyError ||
        error instanceof OperationProcessingError
      )
        return { type: 'refused', reason: 'not_completed' };
      throw error;
    }
  }

  #openPending(cookie: string | undefined): z.infer<typeof Pending> | undefined {
    if (cookie === undefined || cookie === '') return undefined;
    try {
      return Pending.parse(JSON.parse(this.#sealer.open(PURPOSE, Buffer.from(cookie, 'base64url'), '').toString()));
    } catch {
      return undefined; // not ours, or altered: as if there were none
    }
  }
}

/** Whether a server does not answer, is overloaded, or lacks something it stands on (RFC 9110 sections 15.5, 15.6). */
function isNotNow(error: unknown): boolean {
  if (error instanceof SallyportError) return isErrorOf(error, 'outbound_') && !hasCode(error, 'outbound_refused');
  const status =
    error instanceof ResponseBodyError
      ? error.status
      : error instanceof OperationProcessingError && error.cause instanceof Response
        ? error.cause.status
        : 0;
  return status === 429 || status >= 500;
}
