import { ClientRegistrations, findStoredSecret } from '@sallyport/connection-store';
import {
  configuredClient,
  isSameIdentifier,
  lasting,
  shownAddress,
  temporary,
  type Failure,
  type OAuthClient,
} from '@sallyport/oauth';
import { issuerOf, oauthUserRules, type OAuthUserProvider } from '@sallyport/oauth/presets';
import { preferredAuthentication, registerClient, type ClientRegistration } from '@sallyport/oauth/registration';
import type { AuthorizationServerMetadata } from '@sallyport/oauth/discovery';
import type { ConfiguredTarget } from '@sallyport/connection';
import type { Database } from '@sallyport/database';
import type { Clock } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import type { ConnectFailureReason } from './connect-failure.js';
import type { ClientMetadataDocument } from './client-metadata-document.js';
import type { SafeFetch } from '@sallyport/safe-fetch';

export type ClientResult = { readonly type: 'client'; readonly client: OAuthClient } | Failure<ConnectFailureReason>;

const RENEW_BEFORE_MS = 24 * 60 * 60 * 1000;
/** Of a short-lived one in the last fifth of its life. */
const RENEW_IN_THE_LAST = 5;
const ATTEMPTS = 5;

/**
 * Finds the OAuth client that this installation is at a server's authorization server: the configured one, else its
 * client metadata document, else its own registration, made once per issuer and scopes.
 */
export class OAuthClientRegistry {
  readonly #database: Database;
  readonly #sealer: Sealer;
  readonly #fetch: SafeFetch;
  readonly #clock: Clock;
  readonly #redirectUri: string;
  readonly #publicUrl: string;
  readonly #document: ClientMetadataDocument;
  readonly #registrations: ClientRegistrations;

  constructor(options: {
    database: Database;
    sealer: Sealer;
    fetch: SafeFetch;
    clock: Clock;
    redirectUri: string;
    publicUrl: string;
    document: ClientMetadataDocument;
  }) {
    this.#database = options.database;
    this.#sealer = options.sealer;
    this.#fetch = options.fetch;
    this.#clock = options.clock;
    this.#redirectUri = options.redirectUri;
    this.#publicUrl = options.publicUrl;
    this.#document = options.document;
    this.#registrations = new ClientRegistrations({ database: options.database, vault: options.sealer });
  }

  /** @param scopes what users will be sent there for */
  async clientFor(
    { provider }: ConfiguredTarget,
    metadata: AuthorizationServerMetadata,
    scopes: readonly string[],
  ): Promise<ClientResult> {
    if (provider.spec.type === 'mcp-user-oauth' && provider.spec.client) {
      const { issuer, clientId, clientSecret: source } = provider.spec.client;
      if (!isSameIdentifier(issuer, metadata.issuer))
        return lasting('issuer_not_the_configured_one', {
          wanted: shownAddress(issuer),
          got: shownAddress(metadata.issuer),
        });
      if (!source)
        return {
          type: 'client',
          client: { issuer: metadata.issuer, clientId, clientSecret: null, authentication: 'none' },
        };
      const clientSecret = await findStoredSecret(
        this.#database,
        this.#sealer,
        `CredentialProvider/${provider.name}/clientSecret`,
      );
      if (!clientSecret) return lasting('secret_missing');
      const preferred = preferredAuthentication(metadata);
      return {
        type: 'client',
        client: {
          issuer: metadata.issuer,
          clientId,
          clientSecret,
          authentication: preferred === 'none' ? 'client_secret_basic' : preferred,
        },
      };
    }
    const wanted = provider.spec.type === 'mcp-user-oauth' ? provider.spec.registration : undefined;
    const byDocument = wanted !== 'dynamic' && this.#document.isTakenBy(metadata);
    if (byDocument) return { type: 'client', client: await this.#document.clientAt(metadata.issuer) };
    return wanted === 'client-metadata-document'
      ? lasting('client_metadata_document_not_taken')
      : this.#registered(metadata, scopes);
  }

  async configured(provider: string, spec: OAuthUserProvider): Promise<ClientResult> {
    const client = await configuredClient(
      { provider, client: spec.client, issuer: issuerOf(oauthUserRules(spec)) },
      (name) => findStoredSecret(this.#database, this.#sealer, name),
    );
    return client ? { type: 'client', client } : lasting('secret_missing');
  }

  /**
   * Registers anew when the registration lacks scopes. Users who connected with an earlier registration go on with it.
   */
  async #registered(metadata: AuthorizationServerMetadata, scopes: readonly string[]): Promise<ClientResult> {
    const { issuer } = metadata;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const seen = await this.#registrations.read(issuer);
      const [newest] = seen.registrations;
      const now = this.#clock();
      if (newest && this.#isUsable(newest, scopes, now)) return { type: 'client', client: newest };
      const wish = {
        redirectUri: this.#redirectUri,
        clientName: 'Sallyport',
        clientUri: this.#publicUrl,
        scopes: [...new Set([...(newest?.scopes ?? []), ...scopes])],
      };
      const result = await registerClient(metadata, wish, this.#fetch);
      if (result.type === 'failed') return result;
      const { expiresAt } = result.registration;
      const registration = {
        ...result.registration,
        ...(expiresAt !== null && {
          renewAt: expiresAt - Math.min(RENEW_BEFORE_MS, Math.max(0, expiresAt - now) / RENEW_IN_THE_LAST),
        }),
      };
      if (await this.#registrations.add(registration, seen, now)) return { type: 'client', client: registration };
      // somebody else was first: their registration stands, since a flow may be using it already
    }
    return temporary('registration_contended', { issuer: shownAddress(issuer) });
  }

  #isUsable(
    { redirectUri, expiresAt, renewAt, scopes: said }: ClientRegistration,
    scopes: readonly string[],
    now: number,
  ): boolean {
    const isInTime = expiresAt === null || (renewAt ?? expiresAt - RENEW_BEFORE_MS) > now;
    return (
      redirectUri === this.#redirectUri &&
      isInTime &&
      (said === null || (said !== undefined && scopes.every((scope) => said.includes(scope))))
    );
  }
}
