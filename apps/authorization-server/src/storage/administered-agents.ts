import { randomBytes } from 'node:crypto';
import type { ConfigurationSnapshot, DocumentOf } from '@sallyport/configuration';
import { JWT_BEARER } from '../engine/client-metadata.js';
import type { StoredSecrets } from './stored-secrets.js';

/** Client metadata in the words of RFC 7591. */
export type ClientMetadata = Readonly<Record<string, unknown>>;

/**
 * Agents an administrator declared: their client id is the document's name. Read anew each time, so that a changed
 * redirect URI, a new secret or the document's removal counts from the next request on.
 */
export class AdministeredAgents {
  readonly #configuration: { snapshot(): ConfigurationSnapshot };
  readonly #secrets: StoredSecrets;
  /** Stands where the engine wants a secret and there is none. Nobody is told it, and nothing is compared with it. */
  readonly #noSecret = randomBytes(32).toString('base64url');

  constructor({
    configuration,
    secrets,
  }: {
    configuration: { snapshot(): ConfigurationSnapshot };
    secrets: StoredSecrets;
  }) {
    this.#configuration = configuration;
    this.#secrets = secrets;
  }

  async find(clientId: string): Promise<ClientMetadata | undefined> {
    const spec = this.#configuration.snapshot().get('Agent', clientId)?.spec;
    if (!spec) return undefined;
    const common = {
      client_id: clientId,
      client_name: spec.displayName,
      redirect_uris: spec.redirectUris,
      ...grantsOf(spec),
    };
    const { authentication } = spec;
    switch (authentication.method) {
      case 'none':
        return { ...common, token_endpoint_auth_method: 'none' };
      case 'client_secret': {
        const secret = await this.#secrets.find(`Agent/${clientId}/clientSecret`);
        // Without its secret it could authenticate as nobody: as if it were not declared.
        return (
          secret && { ...common, token_endpoint_auth_method: 'client_secret_basic', client_secret: secret.reveal() }
        );
      }
      case 'workload':
        return { ...common, token_endpoint_auth_method: 'client_secret_post', client_secret: this.#noSecret };
      case 'private_key_jwt':
        return {
          ...common,
          token_endpoint_auth_method: 'private_key_jwt',
          ...(authentication.jwksUri === undefined
            ? { jwks: { keys: authentication.keys ?? [] } }
            : { jwks_uri: authentication.jwksUri }),
        };
    }
  }
}

/** The grants of an agent: a machine acts by itself, others for a user or on an identity provider's word for one. */
function grantsOf({ machine, introspects, redirectUris, authentication }: DocumentOf<'Agent'>['spec']): {
  grant_types: string[];
  response_types: string[];
} {
  if (introspects !== undefined) return { grant_types: [], response_types: [] };
  if (machine) return { grant_types: ['client_credentials'], response_types: [] };
  const assertions = authentication.method === 'none' ? [] : [JWT_BEARER];
  return redirectUris.length === 0
    ? { grant_types: assertions, response_types: [] }
    : { grant_types: ['authorization_code', 'refresh_token', ...assertions], response_types: ['code'] };
}
