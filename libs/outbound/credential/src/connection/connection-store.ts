import type { ConnectionState } from '@sallyport/refresh';
import type { Connection, ConnectionSummary } from './connection.js';
import type { ProviderKey } from './provider-standings.js';

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
  /** `unansweredForMs`: for how long it is unknown what became of its refresh token, which was sent and whose answer was not stored; `null`: nothing is open. */
  | { readonly type: 'taken'; readonly connection: Connection; readonly unansweredForMs: number | null }
  | { readonly type: 'held' }
  | { readonly type: 'gone' };

/** Who writes, and upon what. */
export interface RefreshFence {
  readonly owner: string;
  readonly expectedRevision: number;
}

/** `isAnswered`: the provider said what became of the refresh token, or it was not sent. */
export type Standing = Pick<Successor, 'state' | 'refreshDueAt' | 'refreshFailures'> & { readonly isAnswered: boolean };

/**
 * The only writer of connections. Every write compares what it saw with what is there, in one statement, so that of
 * several processes one wins and the others notice. Never holds a transaction open across a call.
 */
export interface ConnectionStore {
  find(id: string): Promise<Connection | undefined>;
  findFor(userId: string, server: string): Promise<Connection | undefined>;
  /** The one without a user, of this provider. */
  findShared(server: string, credentialProvider: string): Promise<Connection | undefined>;
  list(filter?: {
    readonly userId?: string | undefined;
    readonly limit?: number | undefined;
  }): Promise<ConnectionSummary[]>;

  /** A first connection. False when there is one already for this user and server, or for everybody of this provider. */
  create(connection: NewConnection): Promise<boolean>;
  /** The user connected again. Drops a refresh lock: its holder will notice. False when the revision is not `expectedRevision` any more. */
  replace(connection: NewConnection, expectedRevision: number): Promise<boolean>;
  /**
   * Where it has a revocation endpoint, what was removed is to be revoked upstream from then on, in the same statement
   * (`UpstreamRevocations`); not before a refresh under way is over, whose successor is revoked in its place.
   * @param times milliseconds since the epoch; `due`: from when on everybody may see to that
   */
  remove(id: string, times: { readonly now: number; readonly due: number }): Promise<Connection | undefined>;
  /** Calls were made with these. Moves `lastUsedAt` by whole minutes only, and never back. */
  markUsed(uses: readonly { readonly id: string; readonly usedAt: number }[]): Promise<void>;

  /**
   * At most one owner for `forMs` by the store's own clock, or until it is released. `held` also when the same owner asks
   * twice. The connection returned is read under the lock.
   */
  takeRefreshLock(id: string, owner: string, forMs: number): Promise<LockResult>;
  /**
   * Before the refresh token is sent, and while its answer is waited for: the lock is held for `forMs` more. Also notes that
   * the token may be spent and that the connection is due, so that somebody comes as soon as the lock of one who died
   * is over. False, and nothing may be sent, when somebody else took over or the revision is not `expectedRevision` any more.
   */
  renewRefreshLock(id: string, fence: RefreshFence, forMs: number): Promise<boolean>;
  releaseRefreshLock(id: string, owner: string): Promise<void>;
  /** Stores revision `expectedRevision + 1` and releases the lock. False when somebody else took over or released it, or the revision is not `expectedRevision` any more. */
  saveSuccessor(id: string, fence: RefreshFence, successor: Successor): Promise<boolean>;
  /** Keeps the credential, changes its standing and releases the lock. False under the same conditions. */
  saveStanding(id: string, fence: RefreshFence, standing: Standing): Promise<boolean>;
  /** Its pins do not hold any more. False when it was replaced meanwhile. */
  markNeedsReconnect(id: string, expectedRevision: number): Promise<boolean>;

  /**
   * Ids of what is due at `now` and not locked by the store's own clock, the longest overdue first; of providers that are
   * not named, nothing. Always among them: whose token was sent less than `GRACE_MS` ago and never answered.
   */
  listDue(now: number, wanted: DueWish): Promise<{ readonly id: string; readonly server: string }[]>;
}

/** So many at most, altogether, of each provider, and, in its place, of a provider at one issuer. */
export interface DueWish {
  readonly limit: number;
  readonly providers: readonly { readonly credentialProvider: string; readonly atMost: number }[];
  readonly except?: readonly (ProviderKey & { readonly atMost: number })[];
}
