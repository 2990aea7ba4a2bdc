import { ClientRegistrations, documentClient, type SeenRegistrations } from '@sallyport/connection-store';
import { applicationTypeOf, type ClientRegistration } from '@sallyport/oauth/registration';
import type { AuthorizationServerMetadata } from '@sallyport/oauth/discovery';
import type { OAuthClient } from '@sallyport/oauth';
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
  readonly #registrations: ClientRegistrations;
  readonly #publicUrl: string;
  readonly #redirectUri: string;
  readonly #clientId: string;

  constructor(options: { database: Database; sealer: Sealer; publicUrl: string; redirectUri: string }) {
    this.#registrations = new ClientRegistrations({ database: options.database, vault: options.sealer });
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
      application_type: applicationTypeOf(this.#redirectUri),
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: ALGORITHM,
      jwks: { keys: [PublicKey.parse(JSON.parse(clientKey.reveal()))] },
    };
  }

  async #own(): Promise<ClientRegistration & { readonly clientKey: Secret }> {
    const seen = await this.#registrations.read(this.#clientId);
    const { clientKey, ...registration } = seen.registrations[0] ?? (await this.#make(seen));
    if (clientKey === undefined)
      throw new SallyportError('client_key_missing', `The registration kept for ${this.#clientId} has no key.`);
    return { ...registration, clientKey };
  }

  /** Replicas may be the first at once: one of their keys stands. */
  async #make(seen: SeenRegistrations): Promise<ClientRegistration> {
    const made: ClientRegistration = {
      issuer: this.#clientId,
      clientId: this.#clientId,
      clientSecret: null,
      authentication: 'private_key_jwt',
      clientKey: await newKey(),
      redirectUri: this.#redirectUri,
      expiresAt: null,
    };
    await this.#registrations.add(made, seen, 0);
    return (await this.#registrations.read(this.#clientId)).registrations[0] ?? made;
  }
}

async function newKey(): Promise<Secret> {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true });
  const jwk = await exportJWK(privateKey);
  return new Secret(JSON.stringify({ ...jwk, alg: ALGORITHM, use: 'sig', kid: await calculateJwkThumbprint(jwk) }));
}
