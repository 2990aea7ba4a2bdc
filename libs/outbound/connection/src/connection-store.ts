import type { ConnectionState } from './refresh/connection-state.js';
import type { Connection, ConnectionSummary } from './connection.js';
import type { ProviderKey } from './refresh/provider-health-store.js';

/** A complete row to be written; `revision` is the one its sealed credential was sealed for. */
export type NewConnection = Omit<Connection, 'createdAt' | 'updatedAt' | 'lastUsedAt'>;

export interface Successor {
  readonly sealedCredential: Uint8Array;
  readonly accessExpiresAt: number | null;
  readonly scopes: readonly string[];
  readonly state: ConnectionState;
  readonly refreshDueAt: number | null;
  readonly refreshFailures: number;
}

export type LockResult =
  /**
   * `unansweredForMs`: the refresh token was sent so long ago, and no answer was stored: the provider may have spent
   * it. `null`: no such request is open.
   */
  | { readonly type: 'taken'; readonly connection: Connection; readonly unansweredForMs: number | null }
  | { readonly type: 'held' }
  | { readonly type: 'gone' };

/** Who writes, and the revision that it read. */
export interface RefreshFence {
  readonly owner: string;
  readonly expectedRevision: number;
}

/** `isAnswered`: the provider said whether it spent the refresh token, or the token was not sent. */
export type StateUpdate = Pick<Successor, 'state' | 'refreshDueAt' | 'refreshFailures'> & {
  readonly isAnswered: boolean;
};

/**
 * The only writer of connections. Every write compares what it saw with what is there, in one statement, so that of
 * several processes one wins and the others notice. Never holds a transaction open across a call.
 */
export interface ConnectionStore {
  find(id: string): Promise<Connection | undefined>;
  findFor(userId: string, server: string): Promise<Connection | undefined>;
  /** The connection that all users of this provider share. */
  findShared(server: string, credentialProvider: string): Promise<Connection | undefined>;
  list(filter?: {
    readonly userId?: string | undefined;
    readonly limit?: number | undefined;
  }): Promise<ConnectionSummary[]>;

  /**
   * Creates a first connection. False when this user has one at this server, or all users of this provider share one.
   */
  create(connection: NewConnection): Promise<boolean>;
  /**
   * Writes what the user connected again. Drops a refresh lock, whose holder will notice. False when the revision is
   * not `expectedRevision` any more.
   */
  replace(connection: NewConnection, expectedRevision: number): Promise<boolean>;
  /**
   * Removes a connection. When it has a revocation endpoint, the same statement stores that its token is to be revoked
   * there (`UpstreamRevocations`). A refresh under way ends first, and its successor is revoked in place of the token.
   * @param times milliseconds since the epoch; from `due` on, any process may revoke
   */
  remove(id: string, times: { readonly now: number; readonly due: number }): Promise<Connection | undefined>;
  /** Notes that calls used these connections. Moves `lastUsedAt` by whole minutes only, and never back. */
  markUsed(uses: readonly { readonly id: string; readonly usedAt: number }[]): Promise<void>;

  /**
   * Locks a connection for one owner: for `forMs` by the store's own clock, or until the owner releases it. `held` also
   * when the same owner asks twice. The connection is read under the lock.
   */
  takeRefreshLock(id: string, owner: string, forMs: number): Promise<LockResult>;
  /**
   * Keeps the lock for `forMs` more; called before the refresh token is sent and while its answer is awaited. Also
   * notes that the provider may have spent the token and that the connection is due, so that another process comes as
   * soon as the lock of a dead one ends. False when another owner took over, or the revision is not `expectedRevision`
   * any more: then nothing may be sent.
   */
  renewRefreshLock(id: string, fence: RefreshFence, forMs: number): Promise<boolean>;
  releaseRefreshLock(id: string, owner: string): Promise<void>;
  /**
   * Stores revision `expectedRevision + 1` and releases the lock. False when another owner took the lock over or
   * released it, or the revision is not `expectedRevision` any more.
   */
  saveSuccessor(id: string, fence: RefreshFence, successor: Successor): Promise<boolean>;
  /** Keeps the credential, changes its state and releases the lock. False under the same conditions. */
  saveState(id: string, fence: RefreshFence, update: StateUpdate): Promise<boolean>;
  /** Only its user can make it usable again. False when the user did so meanwhile. */
  markNeedsReconnect(id: string, expectedRevision: number): Promise<boolean>;

  /**
   * Lists what is due at `now` and not locked by the store's own clock, the longest overdue first, for the named
   * providers only. A connection whose token was sent less than `GRACE_MS` ago without an answer is always among them.
   */
  listDue(now: number, wanted: DueRequest): Promise<{ readonly id: string; readonly server: string }[]>;
}

/** The most that is listed: altogether, of each provider, and of a provider at one issuer (`except`). */
export interface DueRequest {
  readonly limit: number;
  readonly providers: readonly { readonly credentialProvider: string; readonly atMost: number }[];
  readonly except?: readonly (ProviderKey & { readonly atMost: number })[];
}
