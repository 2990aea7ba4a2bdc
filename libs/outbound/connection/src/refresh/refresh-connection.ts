import { randomUUID } from 'node:crypto';
import type { Clock } from '@sallyport/kernel';
import { GRACE_MS } from './back-off.js';
import { isNearExpiry } from './due-time.js';
import { nextConnectionState, type RefreshOutcome, type StateChange } from './connection-state.js';
import {
  type ProviderFailure,
  accountOf,
  type OAuthClient,
  type OutboundFetch,
  refreshGrant,
  type RefreshAttempt,
  type GrantedTokens,
} from '@sallyport/oauth';
import { askProvider, type ProviderGate, type ProviderVerdict } from './ask-provider.js';
import type { Connection } from '../connection.js';
import { tokenQuirksOf } from '@sallyport/oauth/presets';
import { pinsHold, type ConfiguredTarget } from '../connection-pins.js';
import type { ConnectionStore, RefreshFence } from '../connection-store.js';
import { LOCK_MS, whileRenewing } from './refresh-lock.js';
import { openCredential, sealCredential, type StoredCredential, type Vault } from '../vault-record.js';

export interface RefreshContext extends ProviderGate {
  readonly store: ConnectionStore;
  readonly vault: Vault;
  readonly fetch: OutboundFetch;
  readonly clock: Clock;
  readonly sleep: (ms: number) => Promise<void>;
  /**
   * Finds our client at the connection's issuer. `undefined`: another client is configured now. `not_registered`: we
   * had registered it, and the registration is gone.
   */
  readonly clientFor: (
    connection: Connection,
    authentication: StoredCredential['clientAuthentication'],
  ) => Promise<OAuthClient | 'not_registered' | undefined>;
  /** Called when an authorization server forgot our registration: the next user who connects causes a new one. */
  readonly forgetRegistration: (client: OAuthClient) => Promise<void>;
  /** What is configured now for this connection. */
  readonly target: (connection: Connection) => ConfiguredTarget | undefined;
  /** Sees each refresh and its result. */
  readonly observe?: ObserveRefresh | undefined;
}

/** Runs a refresh, and returns what it returned. */
export type ObserveRefresh = (refresh: () => Promise<RefreshResult>) => Promise<RefreshResult>;

export type RefreshResult =
  /** This process refreshed it, or found that another one had. */
  | {
      readonly type: 'fresh';
      readonly connection: Connection;
      readonly credential: StoredCredential;
      readonly byUs: boolean;
    }
  /** Another owner is refreshing it. */
  | { readonly type: 'held' }
  | { readonly type: 'gone' }
  /** The attempt failed; the grant is kept. */
  | {
      readonly type: 'failed';
      readonly connection: Connection;
      readonly change: StateChange;
      readonly outcome: Exclude<RefreshOutcome, { type: 'refreshed' | 'dead_grant' }>;
    }
  /** The provider is paused as a whole; the connection did not change. */
  | { readonly type: 'paused'; readonly connection: Connection; readonly waitMs: number }
  /** Only the user can connect it again. `newly`: this attempt found out. */
  | {
      readonly type: 'needs_reconnect';
      readonly connection: Connection;
      readonly newly: boolean;
      readonly reason: 'dead_grant' | 'pins_changed' | 'rejected' | 'other_account' | Unrenewable;
      /** In the provider's own words. */ readonly description?: string | null;
    };

/**
 * Why an access token is the last of its grant: the provider gave no refresh token, it forgot the client that we had
 * registered, or that client's secret expired.
 */
type Unrenewable = 'no_refresh_token' | 'client_forgotten' | 'client_expired';

/** Pauses between attempts to store a successor: a database that restarts is back by then. Milliseconds. */
const STORE_AGAIN_MS = [250, 500, 1_000, 2_000, 4_000, 8_000];
/** A provider is asked again so long after `invalid_grant`: its replicas may not know the token yet. */
const SECOND_LOOK_MS = 500;

/** A refresh that holds the lock. */
interface Turn {
  readonly connection: Connection;
  readonly fence: RefreshFence;
  /** Milliseconds since the refresh token was sent without an answer; `null`: it was not sent before. */
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
  const refresh = () => refreshOnce(id, context, seenRevision);
  return await (context.observe === undefined ? refresh() : context.observe(refresh));
}

async function refreshOnce(id: string, context: RefreshContext, seenRevision?: number): Promise<RefreshResult> {
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
    // Not configured now is not configured otherwise: nothing is sent, and the grant waits for its documents to come
    // back.
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
    if (refreshToken === null) return await unrenewable(turn, credential, 'no_refresh_token', context);
    const client = await context.clientFor(connection, credential.clientAuthentication);
    if (client === 'not_registered') return await unrenewable(turn, credential, 'client_forgotten', context);
    if (!client || client.issuer !== connection.issuer || client.clientId !== connection.clientId)
      return await settle(turn, { type: 'misconfigured', error: 'client_unknown' }, context);
    if (typeof client.expiresAt === 'number' && client.expiresAt <= clock())
      return await unrenewable(turn, credential, 'client_expired', context);
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
  // Who was held up (a paused machine) sends nothing once somebody else took over; who may send has just read the row
  // anew.
  const attempt = async () =>
    (await context.store.renewRefreshLock(connection.id, fence, LOCK_MS))
      ? refreshGrant({ ...grant, now: context.clock() }, context.fetch)
      : undefined;
  const first = await attempt();
  const answered = isUnanswered(first) ? await attempt() : first;
  const isDefinite = !answered || !(answered.type === 'invalid_grant' || forgets(answered, grant.client));
  if (!isDefinite) await context.sleep(SECOND_LOOK_MS);
  const last = isDefinite ? answered : await attempt();
  if (!last) return { value: await whatSomebodyElseDid(connection, context), verdict: 'unknown' };
  if (last.type === 'granted' && isAnothers(connection, last.tokens, grant)) {
    const newly = await context.store.markNeedsReconnect(connection.id, connection.revision);
    return { value: { type: 'needs_reconnect', connection, newly, reason: 'other_account' }, verdict: 'answered' };
  }
  if (last.type === 'granted')
    return { value: await succeed(turn, credential, last.tokens, context), verdict: 'answered' };
  if (last.type === 'invalid_grant')
    return {
      value: await settle(turn, { type: 'dead_grant', description: last.description }, context),
      verdict: 'answered',
    };
  if (answered && forgets(answered, grant.client) && forgets(last, grant.client)) {
    await context.forgetRegistration(grant.client);
    return { value: await unrenewable(turn, credential, 'client_forgotten', context), verdict: 'answered' };
  }
  const failure = failureOf(last);
  const isOpen = turn.unansweredForMs !== null || isUnanswered(first) || isUnanswered(last);
  const isRefusal = failure.reason === 'client_refused' || failure.reason === 'request_refused';
  const unansweredForMs = isOpen && !isRefusal ? (turn.unansweredForMs ?? 0) + context.clock() - startedAt : undefined;
  return {
    value: await settle(turn, { ...failure, type: 'provider_failed', unansweredForMs }, context, !isOpen),
    verdict: failure,
  };
}

/**
 * Whether a refresh brought the tokens of another account (OpenID Connect Core section 12.2): agents would act in
 * another person's name. The answer or its ID token says the account, as it did when the user connected. An answer that
 * names no account is taken to be of the same one.
 */
function isAnothers(
  { accountId, issuer }: Connection,
  tokens: GrantedTokens,
  { tokenEndpoint, client, quirks }: Pick<Parameters<typeof refreshGrant>[0], 'tokenEndpoint' | 'client' | 'quirks'>,
): boolean {
  const account =
    quirks?.account === undefined
      ? accountOf(tokens, { issuer, tokenEndpoint, clientId: client.clientId })
      : tokens.account;
  return accountId !== null && account !== undefined && account.id !== accountId;
}

/** Only a client that we registered can be forgotten. A configured client is for an administrator to mend (B4). */
const forgets = (attempt: RefreshAttempt, client: OAuthClient): boolean =>
  attempt.type === 'provider_failed' && attempt.error === 'invalid_client' && client.expiresAt !== undefined;

/** The provider may have spent the refresh token: no answer says. */
const isUnanswered = (attempt: RefreshAttempt | undefined): boolean =>
  attempt?.type === 'ambiguous' || (attempt?.type === 'malformed_answer' && !attempt.isItsOwn);

function failureOf(attempt: Exclude<RefreshAttempt, { type: 'granted' | 'invalid_grant' }>): ProviderFailure {
  switch (attempt.type) {
    case 'ambiguous':
      return { reason: 'no_answer', error: null, description: null };
    case 'malformed_answer':
      return { reason: 'malformed_answer', error: null, description: attempt.said };
    case 'provider_failed':
      return attempt;
  }
}

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
  // The lock may have gone to somebody else while the database was away. What they concluded, they concluded from a
  // spent
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

/**
 * Stores the new refresh token, which exists nowhere else, as the old one is spent. `undefined` is tried again, too.
 */
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
  const saved = await context.store.saveState(connection.id, fence, { ...change, isAnswered });
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

/** The access token cannot be renewed. It serves until it expires; then the user has to connect again. */
async function unrenewable(
  { connection, fence }: Turn,
  credential: StoredCredential,
  reason: Unrenewable,
  context: RefreshContext,
): Promise<RefreshResult> {
  const now = context.clock();
  if (connection.accessExpiresAt === null || connection.accessExpiresAt > now) {
    await context.store.saveState(connection.id, fence, {
      state: connection.state,
      refreshFailures: connection.refreshFailures,
      refreshDueAt: connection.accessExpiresAt,
      isAnswered: true,
    });
    return { type: 'fresh', connection, credential, byUs: false };
  }
  const newly = await context.store.markNeedsReconnect(connection.id, connection.revision);
  return { type: 'needs_reconnect', connection, newly, reason };
}

/** Our fence fell: the user connected again, or another process took over. What they wrote counts. */
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
