import { createHash } from 'node:crypto';
import type { ConfigurationSnapshot, CredentialProviderSpec, DocumentOf } from '@sallyport/configuration';
import type { Connection } from './connection.js';
import type { StoredCredential } from './vault-record.js';

/** What an administrator has configured for a connection, as of one snapshot. */
export interface ConfiguredTarget {
  readonly server: DocumentOf<'McpServer'>;
  readonly provider: DocumentOf<'CredentialProvider'>;
}

/** Reads a target from a snapshot; `undefined` when a document is missing, or the two do not belong together. */
export function configuredTarget(
  snapshot: Pick<ConfigurationSnapshot, 'get'>,
  names: { readonly server: string; readonly credentialProvider: string },
): ConfiguredTarget | undefined {
  const server = snapshot.get('McpServer', names.server);
  const provider = snapshot.get('CredentialProvider', names.credentialProvider);
  return server && provider && provider.spec.server === server.name ? { server, provider } : undefined;
}

export function pinsOf({ server, provider }: ConfiguredTarget): StoredCredential['pins'] {
  return {
    serverUrl: server.spec.url,
    serverResource: server.spec.resource ?? null,
    providerDigest: createHash('sha256')
      .update(canonical(whereTokensGo(provider.spec)))
      .digest('base64url'),
  };
}

/**
 * Security rule S20: a credential is used, refreshed or sent only while the server's URL and resource and the provider
 * are what they were when it was obtained. Any change means that the user connects again.
 */
export function pinsHold(
  connection: Pick<Connection, 'server' | 'credentialProvider' | 'targetOrigin'>,
  credential: Pick<StoredCredential, 'pins'>,
  target: ConfiguredTarget,
): boolean {
  const now = pinsOf(target);
  return (
    connection.server === target.server.name &&
    connection.credentialProvider === target.provider.name &&
    connection.targetOrigin === new URL(target.server.spec.url).origin &&
    credential.pins.serverUrl === now.serverUrl &&
    credential.pins.serverResource === now.serverResource &&
    credential.pins.providerDigest === now.providerDigest
  );
}

/** A new pace of refreshes, or another place of our own secret, makes no other provider: users stay connected. */
function whereTokensGo(spec: CredentialProviderSpec): object {
  const { refresh: _refresh, client, ...rest } = { refresh: undefined, client: undefined, ...spec };
  if (client === undefined) return rest;
  const {
    clientSecret: _secret,
    clientKey: _key,
    ...known
  } = { clientSecret: undefined, clientKey: undefined, ...client };
  return { ...rest, client: known };
}

/** JSON with sorted keys: equal meaning, equal text. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    item !== null && typeof item === 'object' && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  );
}
