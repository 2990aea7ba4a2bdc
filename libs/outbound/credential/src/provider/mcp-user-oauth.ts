import { isNearExpiry } from '@sallyport/refresh';
import type { Connection } from '../connection/connection.js';
import { pinsHold, type ConfiguredTarget } from '../connection/connection-pins.js';
import { refreshConnection, type RefreshContext, type RefreshResult } from '../connection/refresh-connection.js';
import { openCredential, type StoredCredential } from '../connection/vault-record.js';
import { MAX_LEASE_SECONDS, type ProviderLease } from './provider-lease.js';

export interface UserConnectionContext extends RefreshContext {
  /** Security rule S3: a connection is used by an agent only after its user said so for that agent. */
  readonly hasConsented: (use: { readonly userId: string; readonly clientId: string; readonly server: string }) => Promise<boolean>;
  readonly isRevoked: (connection: Connection) => boolean;
  /** Security rule S24: false when this connection was refreshed by force less than a minute ago. */
  readonly mayForceRefresh: (connectionId: string) => boolean;
  readonly onRefresh: (result: RefreshResult) => Promise<void>;
}

export interface UserConnectionWish {
  readonly caller: { readonly userId: string; readonly clientId: string; /** Of the agent's token, seconds since the epoch. */ readonly expiresAt: number };
  readonly target: ConfiguredTarget;
  /** The server answered 401 to the credential of this revision. */
  readonly rejectedConnectionRevision?: number | undefined;
}

const POLL_MS = 150;
const MAX_POLLS = 30;
/** A token with less left than this is refreshed before it is leased. */
const REFRESH_MARGIN_MS = 30_000;
const FORCED_REFRESH_PAUSE_SECONDS = 60;

/** `mcp-user-oauth`: this user's own connection to the server, refreshed on demand when the schedule has not. */
export async function leaseUserConnection({ caller, target, rejectedConnectionRevision }: UserConnectionWish, context: UserConnectionContext): Promise<ProviderLease> {
  const { store, vault, clock } = context;
  const connection = await store.findFor(caller.userId, target.server.name);
  if (!connection || context.isRevoked(connection)) return { type: 'connect_required', reason: 'not_connected', connectionRevision: 0 };
  if (connection.state === 'needs_reconnect') return reconnect(connection);
  const credential = openCredential(vault, connection);
  if (!pinsHold(connection, credential, target)) {
    const newly = await store.markNeedsReconnect(connection.id, connection.revision);
    await context.onRefresh({ type: 'needs_reconnect', connection, newly, reason: 'pins_changed' });
    return reconnect(connection);
  }
  if (!(await context.hasConsented({ userId: caller.userId, clientId: caller.clientId, server: target.server.name }))) {
    return { type: 'connect_required', reason: 'agent_not_consented', connectionRevision: connection.revision };
  }
  const rejected = rejectedConnectionRevision !== undefined && rejectedConnectionRevision >= connection.revision;
  if (!rejected && !isNearExpiry({ expiresAt: connection.accessExpiresAt, now: clock(), marginMs: REFRESH_MARGIN_MS })) return grant(connection, credential, caller.expiresAt, clock());
  if (rejected && !context.mayForceRefresh(connection.id)) return { type: 'provider_unavailable', retryAfterSeconds: FORCED_REFRESH_PAUSE_SECONDS };
  return refreshed(connection, rejected, caller.expiresAt, context);
}

async function refreshed(seen: Connection, rejected: boolean, agentTokenExpiresAt: number, context: UserConnectionContext): Promise<ProviderLease> {
  const { clock } = context;
  for (let poll = 0; poll < MAX_POLLS; poll++) {
    const result = await refreshConnection(seen.id, context, seen.revision);
    if (result.type === 'held') {
      await context.sleep(POLL_MS);
      continue;
    }
    await context.onRefresh(result);
    switch (result.type) {
      case 'gone':
        return { type: 'connect_required', reason: 'not_connected', connectionRevision: 0 };
      case 'needs_reconnect':
        return reconnect(result.connection);
      case 'fresh':
        return rejected && result.connection.revision <= seen.revision ? reconnect(result.connection) : grant(result.connection, result.credential, agentTokenExpiresAt, clock());
      case 'failed': {
        const left = (result.connection.accessExpiresAt ?? 0) - clock();
        if (!rejected && left > 5_000) return grant(result.connection, openCredential(context.vault, result.connection), agentTokenExpiresAt, clock());
        return { type: 'provider_unavailable', retryAfterSeconds: Math.max(1, Math.ceil(((result.change.refreshDueAt ?? clock()) - clock()) / 1000)) };
      }
    }
  }
  return { type: 'provider_unavailable', retryAfterSeconds: 5 };
}

function reconnect({ revision }: Connection): ProviderLease {
  return { type: 'connect_required', reason: 'needs_reconnect', connectionRevision: revision };
}

/** Never longer than the credential, nor than the agent's own token. */
function grant(connection: Connection, { accessToken }: StoredCredential, agentTokenExpiresAt: number, now: number): ProviderLease {
  const left = Math.floor(((connection.accessExpiresAt ?? Number.POSITIVE_INFINITY) - now) / 1000);
  const agentLeft = Math.floor(agentTokenExpiresAt - now / 1000);
  const expiresInSeconds = Math.min(MAX_LEASE_SECONDS, left, Math.max(1, agentLeft));
  if (expiresInSeconds < 1) return { type: 'provider_unavailable', retryAfterSeconds: 1 };
  return { type: 'granted', headers: { authorization: `Bearer ${accessToken}` }, connectionId: connection.id, connectionRevision: connection.revision, expiresInSeconds };
}
