import { documentClient, openRegistration, sealRegistration } from '@sallyport/connection-store';
import type { AuthorizationServerMetadata, ClientRegistration, OAuthClient } from '@sallyport/credential';
import type { Database } from '@sallyport/database';
import { SallyportError, Secret } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { z } from 'zod';

/** What of the key is everybody's. */
const PublicKey = z.object({
  kty: z.string(),
  crv: z.string(),
  x: z.string(),
  y: z.string(),
  kid: z.string(),
  alg: z.string(),
  use: z.string(),
});

export const CLIENT_METADATA_PATH = '/oauth/client-metadata.json';
const ALGORITHM = 'ES256';

/**
 * Our Client ID Metadata Document: its address is our `client_id` at every authorization server that takes such, and we
 * prove that we are it with a key (`private_key_jwt`, RFC 7523). The key is made once, by whichever replica is first.
 */
export class ClientMetadataDocument {
  readonly #database: Database;
  readonly #sealer: Sealer;
  readonly #publicUrl: string;
  readonly #redirectUri: string;
  readonly #clientId: string;

  constructor(options: { database: Database; sealer: Sealer; publicUrl: string; redirectUri: string }) {
    this.#database = options.database;
    this.#sealer = options.sealer;
    this.#publicUrl = options.publicUrl;
    this.#redirectUri = options.redirectUri;
    this.#clientId = `${options.publicUrl}${CLIENT_METADATA_PATH}`;
  }

  /** Only an https address can be a client id, and only a client with a key is more than anybody who names it. */
  isTakenBy({
    client_id_metadata_document_supported: isSupported,
    token_endpoint_auth_methods_supported: methods = [],
  }: AuthorizationServerMetadata): boolean {
    return isSupported === true && methods.includes('private_key_jwt') && this.#clientId.startsWith('https://');
  }

  async clientAt(issuer: string): Promise<OAuthClient> {
    return documentClient(await this.#own(), issuer);
  }

  /** RFC 7591 section 2, as the document says it. */
  async read() {
    const { clientKey } = await this.#own();
    return {
      client_id: this.#clientId,
      client_name: 'Sallyport',
      client_uri: this.#publicUrl,
      redirect_uris: [this.#redirectUri],
      application_type: 'web',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: ALGORITHM,
      jwks: { keys: [PublicKey.parse(JSON.parse(clientKey.reveal()))] },
    };
  }

  async #own(): Promise<ClientRegistration & { readonly clientKey: Secret }> {
    const where = { issuer: this.#clientId };
    const { downstreamRegistration: rows } = this.#database;
    const row = (await rows.findUnique({ where })) ?? (await this.#make(where));
    const { clientKey, ...registration } = openRegistration(this.#sealer, row);
    if (clientKey === undefined)
      throw new SallyportError('client_key_missing', `The registration kept for ${this.#clientId} has no key.`);
    return { ...registration, clientKey };
  }

  /** Replicas may be the first at once: one of their keys stands. */
  async #make(where: { readonly issuer: string }) {
    const made: ClientRegistration = {
      issuer: this.#clientId,
      clientId: this.#clientId,
      clientSecret: null,
      authentication: 'private_key_jwt',
      clientKey: await newKey(),
      redirectUri: this.#redirectUri,
      expiresAt: null,
    };
    const { downstreamRegistration: rows } = this.#database;
    await rows.createMany({
      data: [{ ...where, sealed: Buffer.from(sealRegistration(this.#sealer, made)) }],
      skipDuplicates: true,
    });
    return rows.findUniqueOrThrow({ where });
  }
}

async function newKey(): Promise<Secret> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const jwk = await exportJWK(privateKey);
  return new Secret(JSON.stringify({ ...jwk, alg: ALGORITHM, use: 'sig', kid: await calculateJwkThumbprint(jwk) }));
}
