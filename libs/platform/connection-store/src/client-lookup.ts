import type { ConfigurationSnapshot } from '@sallyport/configuration';
import { configuredClient, issuerOf, oauthUserRules } from '@sallyport/credential';
import type { ClientAuthentication, ClientRegistration, Connection, OAuthClient, Vault } from '@sallyport/credential';
import type { Database } from '@sallyport/database';
import { Secret } from '@sallyport/kernel';
import { openRegistration } from './stored-registration.js';

export interface ClientLookupContext {
  readonly database: Database;
  readonly vault: Vault;
  readonly snapshot: () => Pick<ConfigurationSnapshot, 'get'>;
}

/**
 * Finds our client for a connection as it is now, so that a rotated secret counts at once: the configured one, else our
 * registration at that issuer, or our own document. `undefined` when the connection was made by a client that we are not any more.
 */
export function createClientLookup({ database, vault, snapshot }: ClientLookupContext) {
  return async (
    connection: Pick<Connection, 'credentialProvider' | 'issuer' | 'clientId'>,
    authentication: ClientAuthentication,
  ): Promise<OAuthClient | undefined> => {
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
      if (configured.clientId !== clientId || configured.issuer !== issuer) return undefined;
      const clientSecret = configured.clientSecret
        ? await findStoredSecret(database, vault, `CredentialProvider/${credentialProvider}/clientSecret`)
        : null;
      return clientSecret === undefined ? undefined : { issuer, clientId, clientSecret, authentication };
    }
    // Our own document is good at every issuer: it is kept under its address, and is no secret of one of them.
    if (authentication === 'private_key_jwt') {
      const own = await database.downstreamRegistration.findUnique({ where: { issuer: clientId } });
      return own ? documentClient(openRegistration(vault, own), issuer) : undefined;
    }
    const row = await database.downstreamRegistration.findUnique({ where: { issuer } });
    const registration = row ? openRegistration(vault, row) : undefined;
    return registration?.clientId === clientId ? registration : undefined;
  };
}

/** We, by our client metadata document, at one authorization server: assertions are for its issuer (RFC 7523 section 3). */
export function documentClient(
  { redirectUri: _redirectUri, expiresAt: _never, ...client }: ClientRegistration,
  issuer: string,
): OAuthClient {
  return { ...client, issuer, assertionAudience: issuer };
}

/** A document's secret as the control plane sealed it: purpose `stored-secret`, bound to its name. */
export async function findStoredSecret(database: Database, vault: Vault, name: string): Promise<Secret | undefined> {
  const row = await database.storedSecret.findUnique({ where: { name } });
  return row ? new Secret(new TextDecoder().decode(vault.open('stored-secret', row.sealed, name))) : undefined;
}
