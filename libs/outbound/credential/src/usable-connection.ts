import type { Clock } from '@sallyport/kernel';
import {
  type Connection,
  pinsHold,
  type ConnectionStore,
  openCredential,
  type StoredCredential,
  type Vault,
} from '@sallyport/connection';
import type { RefreshResult } from '@sallyport/connection/refresh';
import type { CredentialRequest } from './credential-request.js';
import { MAX_LEASE_SECONDS, type ProviderLease } from './provider-lease.js';

export interface UsableConnectionContext {
  readonly store: ConnectionStore;
  readonly vault: Vault;
  readonly clock: Clock;
  /** Security rule S3: a connection is used by an agent only after its user said so for that agent. */
  readonly hasConsented: (use: {
    readonly userId: string;
    readonly clientId: string;
    readonly server: string;
  }) => Promise<boolean>;
  readonly isRevoked: (connection: Connection) => boolean;
  readonly onRefresh: (result: RefreshResult) => Promise<void>;
}

export type UsableConnection =
  | { readonly type: 'usable'; readonly connection: Connection; readonly credential: StoredCredential }
  | Exclude<ProviderLease, { type: 'granted' }>;

/**
 * Finds the user's own connection to the server, or the shared one. It is usable when it is not revoked, was made for
 * what is configured now (S20), and its user allowed this agent to use it (S3).
 */
export async function findUsableConnection(
  { caller, target }: Pick<CredentialRequest, 'caller' | 'target'>,
  context: UsableConnectionContext,
): Promise<UsableConnection> {
  const { store, vault } = context;
  const isShared = target.provider.spec.type === 'oauth-shared';
  const connection = isShared
    ? await store.findShared(target.server.name, target.provider.name)
    : await store.findFor(caller.userId, target.server.name);
  if (!connection || context.isRevoked(connection))
    return { type: 'connect_required', reason: 'not_connected', connectionRevision: 0 };
  if (connection.state === 'needs_reconnect') return reconnect(connection);
  const credential = openCredential(vault, connection);
  if (!pinsHold(connection, credential, target)) {
    const newly = await store.markNeedsReconnect(connection.id, connection.revision);
    await context.onRefresh({ type: 'needs_reconnect', connection, newly, reason: 'pins_changed' });
    return reconnect(connection);
  }
  if (
    !isShared &&
    !(await context.hasConsented({ userId: caller.userId, clientId: caller.clientId, server: target.server.name }))
  ) {
    return { type: 'connect_required', reason: 'agent_not_consented', connectionRevision: connection.revision };
  }
  return { type: 'usable', connection, credential };
}

/**
 * Marks a connection that cannot be refreshed: only its user can make a new one, and every later caller is told so. The
 * provider is not asked, so no pause of the provider delays this.
 */
export async function giveUp(
  connection: Connection,
  reason: 'rejected' | 'no_refresh_token',
  { store, onRefresh }: Pick<UsableConnectionContext, 'store' | 'onRefresh'>,
): Promise<Exclude<ProviderLease, { type: 'granted' }>> {
  const newly = await store.markNeedsReconnect(connection.id, connection.revision);
  await onRefresh({ type: 'needs_reconnect', connection, newly, reason });
  return reconnect(connection);
}

export function reconnect({ revision }: Connection): Exclude<ProviderLease, { type: 'granted' }> {
  return { type: 'connect_required', reason: 'needs_reconnect', connectionRevision: revision };
}

/** The lease ends with the credential or with the agent's own token, whichever ends first. */
export function grantFrom(
  connection: Connection,
  headers: Readonly<Record<string, string>>,
  agentTokenExpiresAt: number,
  now: number,
): ProviderLease {
  const left = Math.floor(((connection.accessExpiresAt ?? Number.POSITIVE_INFINITY) - now) / 1000);
  const agentLeft = Math.floor(agentTokenExpiresAt - now / 1000);
  const expiresInSeconds = Math.min(MAX_LEASE_SECONDS, left, Math.max(1, agentLeft));
  if (expiresInSeconds < 1) return { type: 'provider_unavailable', retryAfterSeconds: 1 };
  return {
    type: 'granted',
    headers,
    connectionId: connection.id,
    connectionRevision: connection.revision,
    expiresInSeconds,
  };
}
