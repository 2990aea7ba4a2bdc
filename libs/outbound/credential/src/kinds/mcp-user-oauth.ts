import { isNearExpiry, waitOf, refreshConnection, type RefreshContext } from '@sallyport/connection/refresh';
import { type Connection, openCredential, type StoredCredential } from '@sallyport/connection';
import type { ProviderLease, ProviderRefusal } from '../provider-lease.js';
import { stepUp as stepUpFrom } from '../step-up.js';
import type { CredentialRequest } from '../credential-request.js';
import {
  findUsableConnection,
  giveUp,
  grantFrom,
  reconnect,
  type UsableConnectionContext,
} from '../usable-connection.js';

export interface UserConnectionContext extends RefreshContext, UsableConnectionContext {
  /** Security rule S24: false when this connection was refreshed by force less than a minute ago. */
  readonly mayForceRefresh: (connectionId: string) => boolean;
}

const POLL_MS = 150;
const MAX_POLLS = 30;
/** A token with less left than this is refreshed before it is leased. */
const REFRESH_MARGIN_MS = 30_000;
const FORCED_REFRESH_PAUSE_SECONDS = 60;
/** The process that refreshes is done by then, or soon taken for dead. */
const HELD_MS = 2_000;

/** `mcp-user-oauth`: this user's own connection to the server, refreshed on demand when the schedule has not. */
export async function leaseUserConnection(
  { caller, target, rejectedConnectionRevision, stepUp }: CredentialRequest,
  context: UserConnectionContext,
): Promise<ProviderLease | ProviderRefusal> {
  const { clock } = context;
  const found = await findUsableConnection({ caller, target }, context);
  if (found.type !== 'usable') return found;
  const { connection, credential } = found;
  if (stepUp !== undefined) {
    const wider = stepUpFrom(connection, credential, stepUp.scopes, target.provider.spec);
    if (wider.type === 'ask') return { type: 'connect_required', reason: 'more_scopes', scopes: wider.scopes };
    const isNewer = connection.revision > stepUp.connectionRevision && wider.reason === 'step_up_failed';
    if (!isNewer) return wider;
  }
  const rejected = rejectedConnectionRevision !== undefined && rejectedConnectionRevision >= connection.revision;
  const isDue = isNearExpiry({ expiresAt: connection.accessExpiresAt, now: clock(), marginMs: REFRESH_MARGIN_MS });
  if (!rejected && !isDue) return grant(connection, credential, caller.expiresAt, clock());
  if (credential.refreshToken === null) {
    const hasEnded = connection.accessExpiresAt !== null && connection.accessExpiresAt <= clock();
    return rejected || hasEnded
      ? giveUp(connection, rejected ? 'rejected' : 'no_refresh_token', context)
      : grant(connection, credential, caller.expiresAt, clock());
  }
  const providerWaitMs = await waitOf(connection, context);
  if (providerWaitMs !== null)
    return withoutRefresh(connection, credential, { rejected, waitMs: providerWaitMs }, caller.expiresAt, context);
  // One that would be renewed now anyway is not renewed by force.
  if (rejected && !isDue && !context.mayForceRefresh(connection.id))
    return { type: 'provider_unavailable', retryAfterSeconds: FORCED_REFRESH_PAUSE_SECONDS };
  // The last attempt failed and its pause is not over: the pause holds for everybody, however many agents ask (B4).
  const waitMs = connection.refreshFailures === 0 ? 0 : ownWait(connection, clock());
  if (waitMs > 0) return withoutRefresh(connection, credential, { rejected, waitMs }, caller.expiresAt, context);
  return refreshed(connection, rejected, caller.expiresAt, context);
}

async function refreshed(
  seen: Connection,
  rejected: boolean,
  agentTokenExpiresAt: number,
  context: UserConnectionContext,
): Promise<ProviderLease> {
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
        return rejected && result.connection.revision <= seen.revision
          ? giveUp(result.connection, 'rejected', context)
          : grant(result.connection, result.credential, agentTokenExpiresAt, clock());
      case 'failed':
        return withoutRefresh(
          result.connection,
          openCredential(context.vault, result.connection),
          { rejected, waitMs: ownWait(result.connection, clock()) },
          agentTokenExpiresAt,
          context,
        );
      case 'paused':
        return withoutRefresh(
          result.connection,
          openCredential(context.vault, result.connection),
          { rejected, waitMs: result.waitMs },
          agentTokenExpiresAt,
          context,
        );
    }
  }
  return withoutRefresh(
    seen,
    openCredential(context.vault, seen),
    { rejected, waitMs: HELD_MS },
    agentTokenExpiresAt,
    context,
  );
}

/**
 * Leases the old token while it lives, unless the server has rejected it. Afterwards says when the next attempt is, and
 * why the last one gave no token.
 */
async function withoutRefresh(
  connection: Connection,
  credential: StoredCredential,
  { rejected, waitMs }: { rejected: boolean; waitMs: number },
  agentTokenExpiresAt: number,
  { clock, providerHealth }: Pick<UserConnectionContext, 'clock' | 'providerHealth'>,
): Promise<ProviderLease> {
  if (!rejected && (connection.accessExpiresAt ?? 0) - clock() > 5_000)
    return grant(connection, credential, agentTokenExpiresAt, clock());
  const { health } = await providerHealth.read(connection);
  return {
    type: 'provider_unavailable',
    retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)),
    reason: health?.reason,
    pausedSince: health?.pausedSince ?? undefined,
  };
}

const ownWait = ({ refreshDueAt }: Connection, now: number) => Math.max(0, (refreshDueAt ?? now) - now);

function grant(
  connection: Connection,
  { accessToken }: StoredCredential,
  agentTokenExpiresAt: number,
  now: number,
): ProviderLease {
  return grantFrom(connection, { authorization: `Bearer ${accessToken}` }, agentTokenExpiresAt, now);
}
