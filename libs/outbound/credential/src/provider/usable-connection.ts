import type { Clock } from '@sallyport/kernel';
import type { Connection } from '../connection/connection.js';
import { pinsHold, type ConfiguredTarget } from '../connection/connection-pins.js';
import type { ConnectionStore } from '../connection/connection-store.js';
import type { RefreshResult } from '../connection/refresh-connection.js';
import { openCredential, type StoredCredential, type Vault } from '../connection/vault-record.js';
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

export interface UserConnectionWish {
  readonly caller: {
    readonly userId: string;
    readonly clientId: string;
    /** Of the agent's token, seconds since the epoch. */ readonly expiresAt: number;
  };
  readonly target: ConfiguredTarget;
  /** The server answered 401 to the credential of this revision. */
  readonly rejectedConnectionRevision?: number | undefined;
  /** The server answered 403 to the credential of this revision, and asks for these scopes. */
  readonly stepUp?: { readonly connectionRevision: number; readonly scopes: readonly string[] } | undefined;
}

export type UsableConnection =
  | { readonly type: 'usable'; readonly connection: Connection; readonly credential: StoredCredential }
  | Exclude<ProviderLease, { type: 'granted' }>;

/** This user's own connection to the server, or the one everybody shares, when it may be used: not revoked, made for what is configured now (S20), and for this agent too (S3). */
export async function findUsableConnection(
  { caller, target }: Pick<UserConnectionWish, 'caller' | 'target'>,
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

export function reconnect({ revision }: Connection): Exclude<ProviderLease, { type: 'granted' }> {
  return { type: 'connect_required', reason: 'needs_reconnect', connectionRevision: revision };
}

/** Never longer than the credential, nor than the agent's own token. */
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
