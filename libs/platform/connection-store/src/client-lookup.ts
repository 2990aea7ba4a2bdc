import type { ConfigurationSnapshot } from '@sallyport/configuration';
import { configuredClient, isSameIdentifier, type ClientAuthentication, type OAuthClient } from '@sallyport/oauth';
import { issuerOf, oauthUserRules } from '@sallyport/oauth/presets';
import type { ClientRegistration } from '@sallyport/oauth/registration';
import type { Connection, Vault } from '@sallyport/connection';
import type { Database } from '@sallyport/database';
import { Secret } from '@sallyport/kernel';
import { ClientRegistrations } from './client-registrations.js';

export interface ClientLookupContext {
  readonly database: Database;
  readonly vault: Vault;
  readonly snapshot: () => Pick<ConfigurationSnapshot, 'get'>;
}

/**
 * Creates a function that finds our OAuth client for a connection. It reads the client anew each time, so a rotated
 * secret counts at once. The client is the configured one, else our registration at that issuer, else our client
 * metadata document. The function returns `undefined` when we are no longer the client that made the connection, and
 * `not_registered` when the registration that made it is gone for good.
 */
export function createClientLookup({ database, vault, snapshot }: ClientLookupContext) {
  const registrations = new ClientRegistrations({ database, vault });
  return async (
    connection: Pick<Connection, 'credentialProvider' | 'issuer' | 'clientId'>,
    authentication: ClientAuthentication,
  ): Promise<OAuthClient | 'not_registered' | undefined> => {
    const { issuer, clientId, credentialProvider } = connection;
    const spec = snapshot().get('CredentialProvider', credentialProvider)?.spec;
    if (spec?.type === 'oauth-user' || spec?.type === 'oauth-shared') {
      const client = await configuredClient(
        { provider: credentialProvider, client: spec.client, issuer: issuerOf(oauthUserRules(spec)) },
        (name) => findStoredSecret(database, vault, name),
      );
      return client?.clientId === clientId && client.issuer === issuer && client.authentication === authentication
        ? client
        : undefined;
    }
    const configured = spec?.type === 'mcp-user-oauth' ? spec.client : undefined;
    if (configured) {
      if (configured.clientId !== clientId || !isSameIdentifier(configured.issuer, issuer)) return undefined;
      const clientSecret = configured.clientSecret
        ? await findStoredSecret(database, vault, `CredentialProvider/${credentialProvider}/clientSecret`)
        : null;
      return clientSecret === undefined ? undefined : { issuer, clientId, clientSecret, authentication };
    }
    // Our client metadata document is the same at every issuer, and stored under its own URL.
    if (authentication === 'private_key_jwt') {
      const [own] = (await registrations.read(clientId)).registrations;
      return own ? documentClient(own, issuer) : undefined;
    }
    return (
      (await registrations.read(issuer)).registrations.find((registration) => registration.clientId === clientId) ??
      'not_registered'
    );
  };
}

/** Our client by its metadata document, at one issuer, for which its assertions are made (RFC 7523 section 3). */
export function documentClient(
  { redirectUri: _redirectUri, expiresAt: _never, renewAt: _neither, scopes: _any, ...client }: ClientRegistration,
  issuer: string,
): OAuthClient {
  return { ...client, issuer, assertionAudience: issuer };
}

/** Reads a document's secret, which the control plane sealed with the purpose `stored-secret`, bound to its name. */
export async function findStoredSecret(database: Database, vault: Vault, name: string): Promise<Secret | undefined> {
  const row = await database.storedSecret.findUnique({ where: { name } });
  return row ? new Secret(new TextDecoder().decode(vault.open('stored-secret', row.sealed, name))) : undefined;
}
