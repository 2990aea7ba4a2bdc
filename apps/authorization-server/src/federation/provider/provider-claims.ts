import { dependsOnUserInfo, needsUserInfo, type ProvenClaims } from '@sallyport/authorization';
import type { Logger } from '@sallyport/telemetry';
import { compactVerify } from 'jose';
import * as oauth from 'oauth4webapi';
import type { IssuerKeys } from '@sallyport/access-token/published-keys';
import { refusal, refusesToken, translate, unavailable } from './provider-errors.js';
import type { ProviderRequests } from './provider-requests.js';
import { MAX_ID_TOKEN_LENGTH } from './provider-tokens.js';
import type { DiscoveredProvider } from './trust-provider.js';

export type ClaimsResult =
  | {
      readonly type: 'claims';
      readonly claims: Partial<ProvenClaims>;
      /** The userinfo endpoint did not answer, and nothing that it could say decides anything. */
      readonly isPartial: boolean;
    }
  | { readonly type: 'refused'; readonly error: string };

interface Parts {
  readonly requests: ProviderRequests;
  readonly keys: IssuerKeys;
  readonly logger: Pick<Logger, 'warn'> | undefined;
}

/** What a provider says of somebody: in an ID token whose signature is verified, and at its userinfo endpoint. */
export class ProviderClaims {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * The claims of a response's ID token once its signature is verified too; undefined without one.
   * @throws KeysUnavailable, errors of jose
   */
  async proven(
    { provider, server }: DiscoveredProvider,
    tokens: oauth.TokenEndpointResponse,
  ): Promise<oauth.IDToken | undefined> {
    const idToken = oauth.getValidatedIdTokenClaims(tokens);
    if (!idToken || tokens.id_token === undefined) return undefined;
    if (tokens.id_token.length > MAX_ID_TOKEN_LENGTH) throw refusal(provider, 'its ID token is too large');
    if (!server.jwks_uri) throw unavailable(provider, 'it publishes no keys');
    const source = { issuer: undefined, jwksUri: server.jwks_uri, keys: undefined, isSpiffeBundle: false };
    const algorithms = server.id_token_signing_alg_values_supported ?? [];
    await compactVerify(tokens.id_token, this.#parts.keys.of(source), { algorithms });
    return idToken;
  }

  /**
   * Some providers put profile claims only at their userinfo endpoint. One that is away is done without where nothing
   * depends on it.
   */
  async complete(
    discovered: DiscoveredProvider,
    idToken: oauth.IDToken,
    accessToken: string,
  ): Promise<{ claims: ProvenClaims; isPartial: boolean }> {
    const { provider, server } = discovered;
    if (!server.userinfo_endpoint || !needsUserInfo(provider, idToken))
      return { claims: { idToken }, isPartial: false };
    try {
      const userInfo = await this.#userInfo(discovered, accessToken, idToken.sub);
      return { claims: { idToken, userInfo }, isPartial: false };
    } catch (cause) {
      const err = refusesToken(cause) ? undefined : translate(provider, cause);
      if (err?.code !== 'trust_provider_unavailable' || dependsOnUserInfo(provider, idToken)) throw cause;
      this.#parts.logger?.warn(
        { err, trustProvider: provider.name },
        'an identity provider did not say more of somebody than their ID token does',
      );
      return { claims: { idToken }, isPartial: true };
    }
  }

  /** What is said of somebody who signed in earlier; undefined where the provider says nothing. */
  async again(
    discovered: DiscoveredProvider,
    { idToken, accessToken, subject }: { idToken: oauth.IDToken | undefined; accessToken: string; subject: string },
  ): Promise<ClaimsResult | undefined> {
    const { provider, server, rules } = discovered;
    try {
      if (idToken) return { type: 'claims', ...(await this.complete(discovered, idToken, accessToken)) };
      if (!server.userinfo_endpoint || !rules.userInfo) return undefined;
      const userInfo = await this.#userInfo(discovered, accessToken, subject);
      return { type: 'claims', claims: { userInfo }, isPartial: false };
    } catch (cause) {
      // A token made a moment ago is not taken any more: the account it speaks of is closed (OpenID Connect Core
      // section 5.3.3).
      if (refusesToken(cause)) return { type: 'refused', error: 'invalid_token' };
      throw translate(provider, cause);
    }
  }

  async #userInfo(
    { provider, server, client }: DiscoveredProvider,
    accessToken: string,
    subject: string,
  ): Promise<oauth.UserInfoResponse> {
    try {
      const options = this.#parts.requests.options(provider);
      const response = await oauth.userInfoRequest(server, client, accessToken, options);
      return await oauth.processUserInfoResponse(server, client, subject, response);
    } catch (cause) {
      if (refusesToken(cause)) throw cause;
      throw translate(provider, cause, 'its userinfo endpoint');
    }
  }
}
