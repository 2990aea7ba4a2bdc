import { randomUUID } from 'node:crypto';
import type { Clock } from '@sallyport/kernel';
import {
  GRACE_MS,
  isNearExpiry,
  nextConnectionState,
  type ProviderFailure,
  type RefreshOutcome,
  type StateChange,
} from '@sallyport/refresh';
import type { OAuthClient, OutboundFetch } from '../oauth/oauth-client.js';
import { refreshGrant } from '../oauth/refresh-grant.js';
import type { GrantedTokens } from '../oauth/request-token.js';
import { askProvider, type ProviderGate, type ProviderVerdict } from './ask-provider.js';
import type { Connection } from './connection.js';
import { tokenQuirksOf } from '../provider/oauth-user.js';
import { pinsHold, type ConfiguredTarget } from './connection-pins.js';
import type { ConnectionStore, RefreshFence } from './connection-store.js';
import { LOCK_MS, whileRenewing } from './refresh-lock.js';
import { openCredential, sealCredential, type StoredCredential, type Vault } from './vault-record.js';

export interface RefreshContext extends ProviderGate {
  readonly store: ConnectionStore;
  readonly vault: Vault;
  readonly fetch: OutboundFetch;
  readonly clock: Clock;
  readonly sleep: (ms: number) => Promise<void>;
  /** Our client at the connection's issuer, as it is now; `undefined` when we are not registered there any more. */
  readonly clientFor: (
    connection: Connection,
    authentication: StoredCredential['clientAuthentication'],
  ) => Promise<OAuthClient | undefined>;
  /** What is configured now for this connection. */
  readonly target: (connection: Connection) => ConfiguredTarget | undefined;
}

export type RefreshResult =
  /** Refreshed by us, or found refreshed by somebody else. */
  | {
      readonly type: 'fresh';
      readonly connection: Connection;
      readonly credential: StoredCredential;
      readonly byUs: boolean;
    }
  /** Somebody else is at it. */
  | { readonly type: 'held' }
  | { readonly type: 'gone' }
  /** Not this time; the grant is kept. */
  | {
      readonly type: 'failed';
      readonly connection: Connection;
      readonly change: StateChange;
      readonly outcome: Exclude<RefreshOutcome, { type: 'refreshed' | 'dead_grant' }>;
    }
  /** The provider as a whole is not asked now; nothing of the connection changed. */
  | { readonly type: 'paused'; readonly connection: Connection; readonly waitMs: number }
  /** Only the user can mend it. `newly`: it was this attempt that found out. */
  | {
      readonly type: 'needs_reconnect';
      readonly connection: Connection;
      readonly newly: boolean;
      readonly reason: 'dead_grant' | 'pins_changed' | 'no_refresh_token';
      /** In the provider's own words. */ readonly description?: string | null;
    };

/** Pauses between attempts to store a successor: a database that restarts is back by then. Milliseconds. */
const STORE_AGAIN_MS = [250, 500, 1_000, 2_000, 4_000, 8_000];
/** Before `invalid_grant` is looked at again: a provider's replicas may not have heard of the token yet. */
const SECOND_LOOK_MS = 500;

/** One refresh that holds the lock. */
interface Turn {
  readonly connection: Connection;
  readonly fence: RefreshFence;
  /** For how long it is unknown already what became of the refresh token; `null`: it was not sent before. Milliseconds. */
  readonly unansweredForMs: number | null;
}

/**
 * Refreshes one connection, in whichever process: fenced by a lock with an owner and by the revision, with no
 * transaction open across the network, and the successor stored before anyone uses it (B3).
 *
 * An ambiguous attempt is repeated once with the same token; `invalid_grant` condemns only when it is definite: after a
 * second look, and when nobody else refreshed meanwhile (B4).
 * @param seenRevision what made the caller ask: when the stored revision is newer, somebody else did it meanwhile.
 */
export async function refreshConnection(
  id: string,
  context: RefreshContext,
  seenRevision?: number,
): Promise<RefreshResult> {
  const { store, vault, clock } = context;
  const owner = randomUUID();
  const lock = await store.takeRefreshLock(id, owner, LOCK_MS);
  if (lock.type !== 'taken') return lock;
  const { connection, unansweredForMs } = lock;
  const turn: Turn = { connection, fence: { owner, expectedRevision: connection.revision }, unansweredForMs };
  try {
    if (connection.state === 'needs_reconnect')
      return { type: 'needs_reconnect', connection, newly: false, reason: 'dead_grant' };
    const credential = openCredential(vault, connection);
    const target = context.target(connection);
    // Not configured now is not configured otherwise: nothing is sent, and the grant waits for its documents to come back.
    if (!target) return await settle(turn, { type: 'misconfigured', error: 'not_configured' }, context);
    if (!pinsHold(connection, credential, target)) {
      const newly = await store.markNeedsReconnect(id, connection.revision);
      return { type: 'needs_reconnect', connection, newly, reason: 'pins_changed' };
    }
    if (
      seenRevision !== undefined &&
      connection.revision > seenRevision &&
      !isNearExpiry({ expiresAt: connection.accessExpiresAt, now: clock(), marginMs: 0 })
    ) {
      return { type: 'fresh', connection, credential, byUs: false };
    }
    const { refreshToken } = credential;
    if (refreshToken === null) return await withoutRefreshToken(turn, credential, context);
    const client = await context.clientFor(connection, credential.clientAuthentication);
    if (!client || client.issuer !== connection.issuer || client.clientId !== connection.clientId)
      return await settle(turn, { type: 'misconfigured', error: 'client_unknown' }, context);
    const grant = {
      tokenEndpoint: connection.tokenEndpoint,
      client,
      refreshToken,
      resource: connection.resource,
      quirks: tokenQuirksOf(target.provider.spec),
    };
    // While it is open whether the token was spent, its successor can only be had soon, pause or not.
    const isUrgent = unansweredForMs !== null && unansweredForMs < GRACE_MS;
    const asked = await askProvider(
      connection,
      context,
      () =>
        whileRenewing(
          () => store.renewRefreshLock(id, turn.fence, LOCK_MS),
          () => spend(turn, credential, grant, context),
        ),
      { isUrgent },
    );
    return asked.type === 'asked' ? asked.value : { type: 'paused', connection, waitMs: asked.waitMs };
  } finally {
    // A failure here must not hide what happened: the lock ends by its own time.
    await store.releaseRefreshLock(id, owner).then(undefined, () => undefined);
  }
}

async function spend(
  turn: Turn,
  credential: StoredCredential,
  grant: Omit<Parameters<typeof refreshGrant>[0], 'now'>,
  context: RefreshContext,
): Promise<{ readonly value: RefreshResult; readonly verdict: ProviderVerdict }> {
  const { connection, fence } = turn;
  const startedAt = context.clock();
  // Who was held up (a paused machine) sends nothing once somebody else took over; who may send has just read the row anew.
  const attempt = async () =>
    (await context.store.renewRefreshLock(connection.id, fence, LOCK_MS))
      ? refreshGrant({ ...grant, now: context.clock() }, context.fetch)
      : undefined;
  const first = await attempt();
  const answered = first?.type === 'ambiguous' ? await attempt() : first;
  if (answered?.type === 'invalid_grant') await context.sleep(SECOND_LOOK_MS);
  const last = answered?.type === 'invalid_grant' ? await attempt() : answered;
  if (!last) return { value: await whatSomebodyElseDid(connection, context), verdict: 'unknown' };
  if (last.type === 'granted')
    return { value: await succeed(turn, credential, last.tokens, context), verdict: 'answered' };
  if (last.type === 'invalid_grant')
    return {
      value: await settle(turn, { type: 'dead_grant', description: last.description }, context),
      verdict: 'answered',
    };
  const failure: ProviderFailure = last.type === 'ambiguous' ? NO_ANSWER : last;
  const isOpen = turn.unansweredForMs !== null || first?.type === 'ambiguous' || last.type === 'ambiguous';
  const isRefusal = failure.reason === 'client_refused' || failure.reason === 'request_refused';
  const unansweredForMs = isOpen && !isRefusal ? (turn.unansweredForMs ?? 0) + context.clock() - startedAt : undefined;
  return {
    value: await settle(turn, { ...failure, type: 'provider_failed', unansweredForMs }, context, !isOpen),
    verdict: failure,
  };
}

const NO_ANSWER = { reason: 'no_answer', error: null, description: null } as const;

async function succeed(
  { connection, fence }: Turn,
  credential: StoredCredential,
  tokens: GrantedTokens,
  context: RefreshContext,
): Promise<RefreshResult> {
  const { store, vault, clock, random } = context;
  const successor: StoredCredential = {
    ...credential,
    accessToken: tokens.accessToken,
    refreshToken: tokens.refreshToken ?? credential.refreshToken,
  };
  const { state, refreshFailures, refreshDueAt } = nextConnectionState(
    connection,
    { type: 'refreshed', accessExpiresAt: tokens.expiresAt },
    { now: clock(), random: random() },
  );
  const next = {
    state,
    refreshFailures,
    refreshDueAt,
    accessExpiresAt: tokens.expiresAt,
    scopes: tokens.scopes ?? connection.scopes,
  };
  const revision = connection.revision + 1;
  const sealedCredential = sealCredential(vault, { ...connection, revision }, successor);
  const save = () => store.saveSuccessor(connection.id, fence, { ...next, sealedCredential });
  // The lock may have gone to somebody else while the database was away. What they concluded, they concluded from a spent
  // token: only a newer credential counts more than this one.
  const saveLate = async (): Promise<boolean | undefined> => {
    const lock = await store.takeRefreshLock(connection.id, fence.owner, LOCK_MS);
    const now = lock.type === 'taken' ? lock.connection : await store.find(connection.id);
    if (now?.revision !== connection.revision) return false;
    return lock.type === 'taken' ? save() : undefined;
  };
  const isSaved = await persistently(async () => (await save()) || saveLate(), context.sleep);
  if (isSaved)
    return {
      type: 'fresh',
      connection: { ...connection, ...next, revision, sealedCredential },
      credential: successor,
      byUs: true,
    };
  return whatSomebodyElseDid(connection, context);
}

/** The old refresh token is spent: until the new one is stored, it exists nowhere but here. `undefined` is asked again, as a failure is. */
async function persistently(
  write: () => Promise<boolean | undefined>,
  sleep: RefreshContext['sleep'],
): Promise<boolean | undefined> {
  for (const pause of STORE_AGAIN_MS) {
    const isSaved = await write().then(
      (value) => value,
      () => undefined,
    );
    if (isSaved !== undefined) return isSaved;
    await sleep(pause);
  }
  return write();
}

async function settle(
  { connection, fence }: Turn,
  outcome: Exclude<RefreshOutcome, { type: 'refreshed' }>,
  context: RefreshContext,
  isAnswered = outcome.type === 'dead_grant',
): Promise<RefreshResult> {
  const change = nextConnectionState(connection, outcome, { now: context.clock(), random: context.random() });
  const saved = await context.store.saveStanding(connection.id, fence, { ...change, isAnswered });
  if (!saved) return whatSomebodyElseDid(connection, context);
  if (outcome.type === 'dead_grant')
    return {
      type: 'needs_reconnect',
      connection: { ...connection, ...change },
      newly: true,
      reason: 'dead_grant',
      description: outcome.description,
    };
  return { type: 'failed', connection: { ...connection, ...change }, change, outcome };
}

/** The access token cannot be renewed: while it lives that is no failure, afterwards the user is asked. */
async function withoutRefreshToken(
  { connection, fence }: Turn,
  credential: StoredCredential,
  context: RefreshContext,
): Promise<RefreshResult> {
  const now = context.clock();
  if (connection.accessExpiresAt === null || connection.accessExpiresAt > now) {
    await context.store.saveStanding(connection.id, fence, {
      state: connection.state,
      refreshFailures: connection.refreshFailures,
      refreshDueAt: connection.accessExpiresAt,
      isAnswered: true,
    });
    return { type: 'fresh', connection, credential, byUs: false };
  }
  const newly = await context.store.markNeedsReconnect(connection.id, connection.revision);
  return { type: 'needs_reconnect', connection, newly, reason: 'no_refresh_token' };
}

/** Our fence fell: the user reconnected, or we took so long that another process took over. Theirs counts. */
async function whatSomebodyElseDid(
  { id, revision }: Connection,
  { store, vault }: RefreshContext,
): Promise<RefreshResult> {
  const connection = await store.find(id);
  if (!connection) return { type: 'gone' };
  if (connection.state === 'needs_reconnect')
    return { type: 'needs_reconnect', connection, newly: false, reason: 'dead_grant' };
  return connection.revision > revision
    ? { type: 'fresh', connection, credential: openCredential(vault, connection), byUs: false }
    : { type: 'held' };
}
