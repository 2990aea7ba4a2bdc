import { findStoredSecret, openRegistration, sealRegistration } from '@sallyport/connection-store';
import {
  configuredClient,
  issuerOf,
  oauthUserRules,
  preferredAuthentication,
  registerClient,
  type AuthorizationServerMetadata,
  type ConfiguredTarget,
  type OAuthClient,
  type OAuthUserProvider,
} from '@sallyport/credential';
import type { Database } from '@sallyport/database';
import type { Clock } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import type { ClientMetadataDocument } from './client-metadata-document.js';
import type { SafeFetch } from '@sallyport/safe-fetch';

export type ClientResult =
  | { readonly type: 'client'; readonly client: OAuthClient }
  | {
      readonly type: 'failed';
      readonly reason:
        | 'registration_not_offered'
        | 'registration_refused'
        | 'client_metadata_document_not_taken'
        | 'secret_missing'
        | 'issuer_not_the_configured_one';
    };

const RENEW_BEFORE_MS = 24 * 60 * 60 * 1000;

/** Who we are at a server's authorization server: the configured client, else by our client metadata document, else our own registration, made once per issuer. */
export class OAuthClientRegistry {
  readonly #database: Database;
  readonly #sealer: Sealer;
  readonly #fetch: SafeFetch;
  readonly #clock: Clock;
  readonly #redirectUri: string;
  readonly #publicUrl: string;
  readonly #document: ClientMetadataDocument;

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
  }

  async clientFor({ provider }: ConfiguredTarget, metadata: AuthorizationServerMetadata): Promise<ClientResult> {
    if (provider.spec.type === 'mcp-user-oauth' && provider.spec.client) {
      const { issuer, clientId, clientSecret: source } = provider.spec.client;
      if (issuer !== metadata.issuer) return { type: 'failed', reason: 'issuer_not_the_configured_one' };
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
      if (!clientSecret) return { type: 'failed', reason: 'secret_missing' };
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
      ? { type: 'failed', reason: 'client_metadata_document_not_taken' }
      : this.#registered(metadata);
  }

  async configured(provider: string, spec: OAuthUserProvider): Promise<ClientResult> {
    const client = await configuredClient(
      { provider, client: spec.client, issuer: issuerOf(oauthUserRules(spec)) },
      (name) => findStoredSecret(this.#database, this.#sealer, name),
    );
    return client ? { type: 'client', client } : { type: 'failed', reason: 'secret_missing' };
  }

  async #registered(metadata: AuthorizationServerMetadata): Promise<ClientResult> {
    const { issuer } = metadata;
    const row = await this.#database.downstreamRegistration.findUnique({ where: { issuer } });
    const known = row ? openRegistration(this.#sealer, row) : undefined;
    const usable =
      known?.redirectUri === this.#redirectUri &&
      (known.expiresAt === null || known.expiresAt - RENEW_BEFORE_MS > this.#clock());
    if (known && usable) return { type: 'client', client: known };
    const result = await registerClient(
      metadata,
      { redirectUri: this.#redirectUri, clientName: 'Sallyport', clientUri: this.#publicUrl },
      this.#fetch,
    );
    if (result.type === 'failed')
      return {
        type: 'failed',
        reason: result.reason === 'not_offered' ? 'registration_not_offered' : 'registration_refused',
      };
    const sealed = Buffer.from(sealRegistration(this.#sealer, result.registration));
    if (!known) {
      // two users may be the first at once: the earlier registration stands, since a flow may be using it already
      await this.#database.downstreamRegistration.createMany({ data: [{ issuer, sealed }], skipDuplicates: true });
      const stored = await this.#database.downstreamRegistration.findUnique({ where: { issuer } });
      return { type: 'client', client: stored ? openRegistration(this.#sealer, stored) : result.registration };
    }
    await this.#database.downstreamRegistration.update({ where: { issuer }, data: { sealed } });
    return { type: 'client', client: result.registration };
  }
}
