import { randomUUID } from 'node:crypto';
import type { Clock } from '@sallyport/kernel';
import { isNearExpiry, nextConnectionState, type RefreshOutcome, type StateChange } from '@sallyport/refresh';
import type { OAuthClient, OutboundFetch } from '../oauth/oauth-client.js';
import { refreshGrant, type RefreshAttempt } from '../oauth/refresh-grant.js';
import type { GrantedTokens } from '../oauth/request-token.js';
import type { Connection } from './connection.js';
import { tokenQuirksOf } from '../provider/oauth-user.js';
import { pinsHold, type ConfiguredTarget } from './connection-pins.js';
import type { ConnectionStore } from './connection-store.js';
import { openCredential, sealCredential, type StoredCredential, type Vault } from './vault-record.js';

export interface RefreshContext {
  readonly store: ConnectionStore;
  readonly vault: Vault;
  readonly fetch: OutboundFetch;
  readonly clock: Clock;
  readonly random: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Our client at the connection's issuer, as it is now; `undefined` when we are not registered there any more. */
  readonly clientFor: (connection: Connection, authentication: StoredCredential['clientAuthentication']) => Promise<OAuthClient | undefined>;
  /** What is configured now for this connection. */
  readonly target: (connection: Connection) => ConfiguredTarget | undefined;
}

export type RefreshResult =
  /** Refreshed by us, or found refreshed by somebody else. */
  | { readonly type: 'fresh'; readonly connection: Connection; readonly credential: StoredCredential; readonly byUs: boolean }
  /** Somebody else is at it. */
  | { readonly type: 'held' }
  | { readonly type: 'gone' }
  /** Not this time; the grant is kept. */
  | { readonly type: 'failed'; readonly connection: Connection; readonly change: StateChange; readonly outcome: Exclude<RefreshOutcome, { type: 'refreshed' | 'dead_grant' }> }
  /** Only the user can mend it. `newly`: it was this attempt that found out. */
  | { readonly type: 'needs_reconnect'; readonly connection: Connection; readonly newly: boolean; readonly reason: 'dead_grant' | 'pins_changed' | 'no_refresh_token' };

/**
 * Afterwards the owner is taken for dead and another process may try. Longer than two attempts and the writing can take,
 * also by a clock that is a minute off: a process further off than that has no fresh configuration and refreshes nothing.
 */
const LOCK_MS = 120_000;
/** Who was held up for so long (a paused machine) does not begin another attempt: the lock may not outlast it. */
const LAST_ATTEMPT_MS = 30_000;
/** Pauses between attempts to store a successor: a database that restarts is back by then. Milliseconds. */
const STORE_AGAIN_MS = [250, 500, 1_000, 2_000, 4_000, 8_000];

/**
 * Refreshes one connection, in whichever process: fenced by a lock with an owner and by the revision, with no
 * transaction open across the network, and the successor stored before anyone uses it (B3).
 *
 * An ambiguous attempt is repeated once with the same token; `invalid_grant` condemns only when it is definite: after a
 * second look, and when nobody else refreshed meanwhile (B4).
 * @param seenRevision what made the caller ask: when the stored revision is newer, somebody else did it meanwhile.
 */
export async function refreshConnection(id: string, context: RefreshContext, seenRevision?: number): Promise<RefreshResult> {
  const { store, vault, clock } = context;
  const owner = randomUUID();
  const now = clock();
  const lock = await store.takeRefreshLock(id, owner, { now, until: now + LOCK_MS });
  if (lock.type !== 'taken') return lock;
  const { connection } = lock;
  try {
    if (connection.state === 'needs_reconnect') return { type: 'needs_reconnect', connection, newly: false, reason: 'dead_grant' };
    const credential = openCredential(vault, connection);
    const target = context.target(connection);
    // Not configured now is not configured otherwise: nothing is sent, and the grant waits for its documents to come back.
    if (!target) return await settle(connection, { type: 'provider_fault', error: 'not_configured' }, owner, context);
    if (!pinsHold(connection, credential, target)) {
      const newly = await store.markNeedsReconnect(id, connection.revision);
      return { type: 'needs_reconnect', connection, newly, reason: 'pins_changed' };
    }
    if (seenRevision !== undefined && connection.revision > seenRevision && !isNearExpiry({ expiresAt: connection.accessExpiresAt, now, marginMs: 0 })) {
      return { type: 'fresh', connection, credential, byUs: false };
    }
    if (credential.refreshToken === null) return await withoutRefreshToken(connection, credential, owner, context);
    return await spend(connection, { ...credential, refreshToken: credential.refreshToken }, target, owner, context);
  } finally {
    // A failure here must not hide what happened: the lock ends by its own time.
    await store.releaseRefreshLock(id, owner).then(undefined, () => undefined);
  }
}

async function spend(connection: Connection, credential: StoredCredential & { refreshToken: string }, target: ConfiguredTarget, owner: string, context: RefreshContext): Promise<RefreshResult> {
  const client = await context.clientFor(connection, credential.clientAuthentication);
  if (!client || client.issuer !== connection.issuer || client.clientId !== connection.clientId) return settle(connection, { type: 'provider_fault', error: 'client_unknown' }, owner, context);
  const attempt = async () => refreshGrant({ tokenEndpoint: connection.tokenEndpoint, client, refreshToken: credential.refreshToken, resource: connection.resource, now: context.clock(), quirks: tokenQuirksOf(target.provider.spec) }, context.fetch);
  const startedAt = context.clock();
  const first = await attempt();
  const isOpen = first.type === 'ambiguous' || first.type === 'invalid_grant';
  if (isOpen && context.clock() - startedAt > LAST_ATTEMPT_MS) return settle(connection, { type: 'transient' }, owner, context);
  const last = isOpen ? await attempt() : first;
  if (last.type === 'granted') return succeed(connection, credential, last.tokens, owner, context);
  return settle(connection, outcomeOf(last), owner, context);
}

function outcomeOf(attempt: Exclude<RefreshAttempt, { type: 'granted' }>): Exclude<RefreshOutcome, { type: 'refreshed' }> {
  if (attempt.type === 'ambiguous') return { type: 'transient' };
  if (attempt.type === 'invalid_grant') return { type: 'dead_grant' };
  return attempt;
}

async function succeed(connection: Connection, credential: StoredCredential, tokens: GrantedTokens, owner: string, context: RefreshContext): Promise<RefreshResult> {
  const { store, vault, clock, random } = context;
  const successor: StoredCredential = { ...credential, accessToken: tokens.accessToken, refreshToken: tokens.refreshToken ?? credential.refreshToken };
  const { state, refreshFailures, refreshDueAt } = nextConnectionState(connection, { type: 'refreshed', accessExpiresAt: tokens.expiresAt }, { now: clock(), random: random() });
  const next = { state, refreshFailures, refreshDueAt, accessExpiresAt: tokens.expiresAt, scopes: tokens.scopes ?? connection.scopes };
  const revision = connection.revision + 1;
  const sealedCredential = sealCredential(vault, { ...connection, revision }, successor);
  const saved = await persistently(() => store.saveSuccessor(connection.id, { owner, expectedRevision: connection.revision }, { ...next, sealedCredential }), context.sleep);
  if (saved) return { type: 'fresh', connection: { ...connection, ...next, revision, sealedCredential }, credential: successor, byUs: true };
  return whatSomebodyElseDid(connection, context);
}

/** The old refresh token is spent: until the new one is stored, it exists nowhere but here. */
async function persistently<T>(write: () => Promise<T>, sleep: RefreshContext['sleep']): Promise<T> {
  for (const pause of STORE_AGAIN_MS) {
    const result = await write().then((value) => ({ value }), () => undefined);
    if (result) return result.value;
    await sleep(pause);
  }
  return write();
}

async function settle(connection: Connection, outcome: Exclude<RefreshOutcome, { type: 'refreshed' }>, owner: string, context: RefreshContext): Promise<RefreshResult> {
  const change = nextConnectionState(connection, outcome, { now: context.clock(), random: context.random() });
  const saved = await context.store.saveStanding(connection.id, { owner, expectedRevision: connection.revision }, change);
  if (!saved) return whatSomebodyElseDid(connection, context);
  if (outcome.type === 'dead_grant') return { type: 'needs_reconnect', connection: { ...connection, ...change }, newly: true, reason: 'dead_grant' };
  return { type: 'failed', connection: { ...connection, ...change }, change, outcome };
}

/** The access token cannot be renewed: while it lives that is no failure, afterwards the user is asked. */
async function withoutRefreshToken(connection: Connection, credential: StoredCredential, owner: string, context: RefreshContext): Promise<RefreshResult> {
  const now = context.clock();
  if (connection.accessExpiresAt === null || connection.accessExpiresAt > now) {
    await context.store.saveStanding(connection.id, { owner, expectedRevision: connection.revision }, { state: connection.state, refreshFailures: connection.refreshFailures, refreshDueAt: connection.accessExpiresAt });
    return { type: 'fresh', connection, credential, byUs: false };
  }
  const newly = await context.store.markNeedsReconnect(connection.id, connection.revision);
  return { type: 'needs_reconnect', connection, newly, reason: 'no_refresh_token' };
}

/** Our fence fell: the user reconnected, or we took so long that another process took over. Theirs counts. */
async function whatSomebodyElseDid({ id, revision }: Connection, { store, vault }: RefreshContext): Promise<RefreshResult> {
  const connection = await store.find(id);
  if (!connection) return { type: 'gone' };
  if (connection.state === 'needs_reconnect') return { type: 'needs_reconnect', connection, newly: false, reason: 'dead_grant' };
  return connection.revision > revision ? { type: 'fresh', connection, credential: openCredential(vault, connection), byUs: false } : { type: 'held' };
}
