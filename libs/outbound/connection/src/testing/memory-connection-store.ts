import { GRACE_MS } from '../refresh/back-off.js';
import type { Connection, ConnectionSummary } from '../connection.js';
import type {
  ConnectionStore,
  DueRequest,
  LockResult,
  NewConnection,
  RefreshFence,
  StateUpdate,
  Successor,
} from '../connection-store.js';

type Row = Connection & { lock: { owner: string; until: number } | null; unansweredSince: number | null };

/** For tests: the same promises as the real one, in one process. */
export class MemoryConnectionStore implements ConnectionStore {
  readonly #rows = new Map<string, Row>();
  readonly #clock: () => number;

  /** @param clock what locks are measured by, milliseconds */
  constructor(clock: () => number = Date.now) {
    this.#clock = clock;
  }

  async find(id: string): Promise<Connection | undefined> {
    const row = this.#rows.get(id);
    return row && bare(row);
  }

  async findFor(userId: string, server: string): Promise<Connection | undefined> {
    const row = [...this.#rows.values()].find(
      (candidate) => candidate.userId === userId && candidate.server === server,
    );
    return row && bare(row);
  }

  async findShared(server: string, credentialProvider: string): Promise<Connection | undefined> {
    const row = [...this.#rows.values()].find(
      (candidate) =>
        candidate.userId === null && candidate.server === server && candidate.credentialProvider === credentialProvider,
    );
    return row && bare(row);
  }

  async list({ userId, limit = 1_000 }: { userId?: string | undefined; limit?: number | undefined } = {}): Promise<
    ConnectionSummary[]
  > {
    return [...this.#rows.values()]
      .filter((row) => userId === undefined || row.userId === userId)
      .slice(0, limit)
      .map((row) => {
        const { sealedCredential: _sealed, ...summary } = bare(row);
        return summary;
      });
  }

  async create(connection: NewConnection): Promise<boolean> {
    const { id, userId, server, credentialProvider } = connection;
    if (
      this.#rows.has(id) ||
      (await (userId === null ? this.findShared(server, credentialProvider) : this.findFor(userId, server)))
    )
      return false;
    this.#rows.set(connection.id, {
      ...connection,
      createdAt: 0,
      updatedAt: 0,
      lastUsedAt: null,
      lock: null,
      unansweredSince: null,
    });
    return true;
  }

  async replace(connection: NewConnection, expectedRevision: number): Promise<boolean> {
    const row = this.#rows.get(connection.id);
    if (!row || row.revision !== expectedRevision) return false;
    this.#rows.set(row.id, { ...row, ...connection, lock: null, unansweredSince: null });
    return true;
  }

  async remove(id: string): Promise<Connection | undefined> {
    const row = this.#rows.get(id);
    this.#rows.delete(id);
    return row && bare(row);
  }

  async markUsed(uses: readonly { id: string; usedAt: number }[]): Promise<void> {
    for (const { id, usedAt } of uses) {
      const row = this.#rows.get(id);
      if (row && usedAt - (row.lastUsedAt ?? Number.NEGATIVE_INFINITY) >= 60_000)
        this.#rows.set(id, { ...row, lastUsedAt: usedAt });
    }
  }

  async takeRefreshLock(id: string, owner: string, forMs: number): Promise<LockResult> {
    const row = this.#rows.get(id);
    const now = this.#clock();
    if (!row) return { type: 'gone' };
    if (row.lock && row.lock.until > now) return { type: 'held' };
    this.#rows.set(id, { ...row, lock: { owner, until: now + forMs } });
    return {
      type: 'taken',
      connection: bare(row),
      unansweredForMs: row.unansweredSince === null ? null : now - row.unansweredSince,
    };
  }

  async renewRefreshLock(id: string, { owner, expectedRevision }: RefreshFence, forMs: number): Promise<boolean> {
    const row = this.#rows.get(id);
    const now = this.#clock();
    if (row?.lock?.owner !== owner || row.revision !== expectedRevision) return false;
    this.#rows.set(id, {
      ...row,
      lock: { owner, until: now + forMs },
      unansweredSince: row.unansweredSince ?? now,
      refreshDueAt: Math.min(row.refreshDueAt ?? now, now),
    });
    return true;
  }

  async releaseRefreshLock(id: string, owner: string): Promise<void> {
    const row = this.#rows.get(id);
    if (row?.lock?.owner === owner) this.#rows.set(id, { ...row, lock: null });
  }

  async saveSuccessor(id: string, fence: RefreshFence, successor: Successor): Promise<boolean> {
    return this.#fenced(id, fence, (row) => ({
      ...row,
      ...successor,
      revision: row.revision + 1,
      unansweredSince: null,
    }));
  }

  async saveState(id: string, fence: RefreshFence, { isAnswered, ...update }: StateUpdate): Promise<boolean> {
    return this.#fenced(id, fence, (row) => ({
      ...row,
      ...update,
      unansweredSince: isAnswered ? null : row.unansweredSince,
    }));
  }

  async markNeedsReconnect(id: string, expectedRevision: number): Promise<boolean> {
    const row = this.#rows.get(id);
    if (!row || row.revision !== expectedRevision) return false;
    this.#rows.set(id, { ...row, state: 'needs_reconnect', refreshDueAt: null, lock: null, unansweredSince: null });
    return true;
  }

  async listDue(now: number, { limit, providers, except = [] }: DueRequest): Promise<{ id: string; server: string }[]> {
    const due = [...this.#rows.values()]
      .filter(
        (row) =>
          row.state !== 'needs_reconnect' &&
          row.refreshDueAt !== null &&
          row.refreshDueAt <= now &&
          !(row.lock && row.lock.until > this.#clock()),
      )
      .toSorted((a, b) => (a.refreshDueAt ?? 0) - (b.refreshDueAt ?? 0));
    const taken = new Map<string, number>();
    return due
      .filter(({ credentialProvider, issuer, unansweredSince }) => {
        const atMost = providers.find((one) => one.credentialProvider === credentialProvider)?.atMost;
        if (atMost === undefined) return false;
        if (unansweredSince !== null && this.#clock() - unansweredSince < GRACE_MS) return true;
        const key = JSON.stringify([credentialProvider, issuer]);
        taken.set(key, (taken.get(key) ?? 0) + 1);
        return (
          (taken.get(key) ?? 0) <=
          (except.find((one) => one.credentialProvider === credentialProvider && one.issuer === issuer)?.atMost ??
            atMost)
        );
      })
      .slice(0, limit)
      .map(({ id, server }) => ({ id, server }));
  }

  #fenced(id: string, { owner, expectedRevision }: RefreshFence, change: (row: Row) => Row): boolean {
    const row = this.#rows.get(id);
    if (!row || row.lock?.owner !== owner || row.revision !== expectedRevision) return false;
    this.#rows.set(id, { ...change(row), lock: null });
    return true;
  }
}

function bare({ lock: _lock, unansweredSince: _since, ...connection }: Row): Connection {
  return connection;
}
