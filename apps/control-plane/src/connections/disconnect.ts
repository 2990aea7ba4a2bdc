import { openCredential, revokeGrant, type ClientAuthentication, type Connection, type ConnectionStore, type OAuthClient, type StoredCredential, type Vault } from '@sallyport/credential';
import { SallyportError, type Clock } from '@sallyport/kernel';
import type { CredentialChanged } from '@sallyport/messages';
import type { SafeFetch } from '@sallyport/safe-fetch';
import type { ConnectionConsents } from '../connect/connection-consents.js';
import type { RecordLifecycle } from '../lease/announce-refresh.js';

export interface DisconnectContext {
  readonly store: ConnectionStore;
  readonly vault: Vault;
  readonly consents: ConnectionConsents;
  readonly fetch: SafeFetch;
  readonly clock: Clock;
  readonly clientFor: (connection: Connection, authentication: ClientAuthentication) => Promise<OAuthClient | undefined>;
  readonly record: RecordLifecycle;
  readonly broadcastChanged: (changed: CredentialChanged) => Promise<void>;
  /** Voids its leases through the configuration log (S28), which no gateway can miss and go on. */
  readonly revokeLeases: (connectionId: string) => Promise<void>;
}

export type DisconnectResult = { readonly type: 'not_found' } | { readonly type: 'removed'; /** Whether the server confirmed (RFC 7009). */ readonly revokedUpstream: boolean };

/** Drops a connection here first, then revokes it where it came from, with what was stored with the grant (S25). */
export async function disconnect(id: string, reason: string, context: DisconnectContext): Promise<DisconnectResult> {
  const connection = await context.store.remove(id);
  if (!connection) return { type: 'not_found' };
  await context.revokeLeases(id);
  const { userId, server, revision } = connection;
  if (userId !== null) await context.consents.withdrawAll({ userId, server });
  await context.broadcastChanged({ v: 1, connectionId: id, userId, server, connectionRevision: revision + 1 });
  const revokedUpstream = await revokeUpstream(connection, context);
  await context.record({ type: 'connection.removed', ...(userId === null ? {} : { userId }), server, connectionId: id, reason, detail: { revokedUpstream } });
  return { type: 'removed', revokedUpstream };
}

async function revokeUpstream(connection: Connection, { vault, fetch, clock, clientFor }: DisconnectContext): Promise<boolean> {
  if (connection.revocationEndpoint === null) return false;
  const credential = openedIfPossible(vault, connection);
  if (!credential) return false;
  const client = await clientFor(connection, credential.clientAuthentication);
  if (!client) return false;
  const grant = { revocationEndpoint: connection.revocationEndpoint, tokenEndpoint: connection.tokenEndpoint, client, now: clock() };
  const access = await revokeGrant({ ...grant, token: credential.accessToken, tokenTypeHint: 'access_token' }, fetch);
  return credential.refreshToken === null ? access : revokeGrant({ ...grant, token: credential.refreshToken, tokenTypeHint: 'refresh_token' }, fetch);
}

/** What was altered, or sealed under a key that is gone, is removed all the same; there is nothing to show the server. */
function openedIfPossible(vault: Vault, connection: Connection): StoredCredential | undefined {
  try {
    return openCredential(vault, connection);
  } catch (error) {
    if (error instanceof SallyportError) return undefined;
    throw error;
  }
}
