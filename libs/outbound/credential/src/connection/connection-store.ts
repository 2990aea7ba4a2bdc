import type { ConnectionState } from '@sallyport/refresh';
import type { Connection, ConnectionSummary } from './connection.js';

/** A complete row to be written; `revision` is the one its sealed credential was sealed for. */
export type NewConnection = Omit<Connection, 'createdAt' | 'updatedAt'>;

export interface Successor {
  readonly sealedCredential: Uint8Array;
  readonly accessExpiresAt: number | null;
  readonly scopes: readonly string[];
  readonly state: ConnectionState;
  readonly refreshDueAt: number | null;
  readonly refreshFailures: number;
}

export type LockResult = { readonly type: 'taken'; readonly connection: Connection } | { readonly type: 'held' } | { readonly type: 'gone' };

/**
 * The only writer of connections. Every write compares what it saw with what is there, in one statement, so that of
 * several processes one wins and the others notice. Never holds a transaction open across a call.
 */
export interface ConnectionStore {
  find(id: string): Promise<Connection | undefined>;
  findFor(userId: string, server: string): Promise<Connection | undefined>;
  list(filter?: { readonly userId?: string | undefined; readonly limit?: number | undefined }): Promise<ConnectionSummary[]>;

  /** A first connection. False when there is one already for this user and server. */
  create(connection: NewConnection): Promise<boolean>;
  /** The user connected again. Drops a refresh lock: its holder will notice. False when the revision is not `expectedRevision` any more. */
  replace(connection: NewConnection, expectedRevision: number): Promise<boolean>;
  /** Returns what was removed, so that it can be revoked upstream. */
  remove(id: string): Promise<Connection | undefined>;

  /**
   * At most one owner until `until`, or until it is released. `held` also when the same owner asks twice.
   * The connection returned is read under the lock.
   */
  takeRefreshLock(id: string, owner: string, times: { readonly now: number; readonly until: number }): Promise<LockResult>;
  releaseRefreshLock(id: string, owner: string): Promise<void>;
  /** Stores revision `expectedRevision + 1` and releases the lock. False unless `owner` still holds the lock and the revision still is `expectedRevision`. */
  saveSuccessor(id: string, fence: { readonly owner: string; readonly expectedRevision: number }, successor: Successor): Promise<boolean>;
  /** Keeps the credential, changes its standing and releases the lock. False under the same conditions. */
  saveStanding(id: string, fence: { readonly owner: string; readonly expectedRevision: number }, standing: Pick<Successor, 'state' | 'refreshDueAt' | 'refreshFailures'>): Promise<boolean>;
  /** Its pins do not hold any more. False when it was replaced meanwhile. */
  markNeedsReconnect(id: string, expectedRevision: number): Promise<boolean>;

  /** Ids of what is due at `now` and not locked, the longest overdue first. */
  listDue(now: number, limit: number): Promise<{ readonly id: string; readonly server: string }[]>;
}
