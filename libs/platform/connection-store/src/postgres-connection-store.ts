import type {
  Connection,
  ConnectionStore,
  ConnectionSummary,
  DueRequest,
  LockResult,
  NewConnection,
  RefreshFence,
  StateUpdate,
  Successor,
} from '@sallyport/connection';
import { Prisma, type Database } from '@sallyport/database';
import { SallyportError } from '@sallyport/kernel';
import { GRACE_MS, type ConnectionState } from '@sallyport/connection/refresh';
import type { Vault } from '@sallyport/vault';

type Row = NonNullable<Awaited<ReturnType<Database['connection']['findUnique']>>>;
const states: ReadonlySet<string> = new Set<ConnectionState>(['connected', 'misconfigured', 'needs_reconnect']);
/** How long we try to revoke the grant of a removed connection at its provider. */
const REVOKE_WITHIN_MS = 7 * 24 * 60 * 60 * 1000;
/** A refresh that holds the lock has stored its new credential within this time, or never will. */
const REFRESHED_WITHIN_MS = 2 * 60 * 1000;
const NO_LOCK = { refreshLockOwner: null, refreshLockUntil: null } as const;
const ANSWERED = { refreshUnansweredSince: null } as const;

/**
 * The connections on PostgreSQL. Each write is one conditional UPDATE: the database decides which process was first.
 */
export class PostgresConnectionStore implements ConnectionStore {
  readonly #database: Database;
  readonly #keys: Pick<Vault, 'learnKeyOf'> | undefined;

  /** @param keys for callers that open credentials: a read waits until the vault knows the key that sealed the row */
  constructor(database: Database, keys?: Pick<Vault, 'learnKeyOf'>) {
    this.#database = database;
    this.#keys = keys;
  }

  async find(id: string): Promise<Connection | undefined> {
    return this.#openable(await this.#database.connection.findUnique({ where: { id } }));
  }

  async findFor(userId: string, server: string): Promise<Connection | undefined> {
    return this.#openable(await this.#database.connection.findUnique({ where: { userId_server: { userId, server } } }));
  }

  async findShared(server: string, credentialProvider: string): Promise<Connection | undefined> {
    return this.#openable(
      await this.#database.connection.findFirst({ where: { userId: null, server, credentialProvider } }),
    );
  }

  async list({ userId, limit = 1_000 }: { userId?: string | undefined; limit?: number | undefined } = {}): Promise<
    ConnectionSummary[]
  > {
    const rows = await this.#database.connection.findMany({
      ...(userId === undefined ? {} : { where: { userId } }),
      orderBy: { createdAt: 'desc' },
      take: limit,
    });
    return rows.map((row) => {
      const { sealedCredential: _sealed, ...summary } = toConnection(row);
      return summary;
    });
  }

  async create(connection: NewConnection): Promise<boolean> {
    try {
      await this.#database.connection.create({ data: toRow(connection) });
      return true;
    } catch (error) {
      if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002') return false;
      throw error;
    }
  }

  async replace(connection: NewConnection, expectedRevision: number): Promise<boolean> {
    const { count } = await this.#database.connection.updateMany({
      where: { id: connection.id, revision: expectedRevision },
      data: { ...toRow(connection), ...NO_LOCK, ...ANSWERED, createdAt: new Date() },
    });
    return count === 1;
  }

  async remove(id: string, { now, due }: { now: number; due: number }): Promise<Connection | undefined> {
    const [at, givesUpAt] = [new Date(now), new Date(now + REVOKE_WITHIN_MS)];
    const [row] = await this.#database.$queryRaw<Row[]>`
      WITH gone AS (DELETE FROM "Connection" WHERE id = ${id} RETURNING *),
      queued AS (
        INSERT INTO "UpstreamRevocation" (
          id, "userId", server, "credentialProvider", revision, issuer, resource, "tokenEndpoint", "revocationEndpoint",
          "targetOrigin", "clientId", "sealedCredential", "dueAt", "removedAt", "givesUpAt")
        SELECT
          id, "userId", server, "credentialProvider", revision, issuer, resource, "tokenEndpoint", "revocationEndpoint",
          "targetOrigin", "clientId", "sealedCredential",
          CASE WHEN "refreshLockUntil" > clock_timestamp() THEN ${new Date(now + REFRESHED_WITHIN_MS)}::timestamptz
            ELSE ${new Date(due)}::timestamptz END,
          ${at}, ${givesUpAt}
        FROM gone WHERE "revocationEndpoint" IS NOT NULL)
      SELECT * FROM gone`;
    return row && toConnection(row);
  }

  async markUsed(uses: readonly { readonly id: string; readonly usedAt: number }[]): Promise<void> {
    if (uses.length === 0) return;
    const latest = new Map<string, number>();
    for (const { id, usedAt } of uses) latest.set(id, Math.max(usedAt, latest.get(id) ?? 0));
    const batch = JSON.stringify([...latest].map(([id, usedAt]) => ({ id, usedAt })));
    // Rows are locked in the order of ids, so that two batches at once cannot deadlock.
    await this.#database.$executeRaw`
      UPDATE "Connection" SET "lastUsedAt" = due."usedAt"
      FROM (
        SELECT id, batch."usedAt" FROM "Connection" JOIN (
          SELECT use->>'id' AS id,
            timestamptz 'epoch' + (use->>'usedAt')::bigint * interval '1 millisecond' AS "usedAt"
          FROM jsonb_array_elements(${batch}::jsonb) AS use
        ) AS batch USING (id)
        WHERE "lastUsedAt" IS NULL OR "lastUsedAt" <= batch."usedAt" - interval '1 minute'
        ORDER BY id FOR UPDATE OF "Connection"
      ) AS due WHERE "Connection".id = due.id`;
  }

  async takeRefreshLock(id: string, owner: string, forMs: number): Promise<LockResult> {
    const [taken] = await this.#database.$queryRaw<{ unansweredForMs: number | null }[]>`
      UPDATE "Connection" SET "refreshLockOwner" = ${owner}, "refreshLockUntil" = ${fromNow(forMs)}
      WHERE id = ${id} AND ("refreshLockUntil" IS NULL OR "refreshLockUntil" <= clock_timestamp())
      RETURNING (extract(epoch FROM clock_timestamp() - "refreshUnansweredSince") * 1000)::float8 AS "unansweredForMs"`;
    const connection = await this.find(id);
    if (!connection) return { type: 'gone' };
    return taken ? { type: 'taken', connection, unansweredForMs: taken.unansweredForMs } : { type: 'held' };
  }

  async renewRefreshLock(id: string, { owner, expectedRevision }: RefreshFence, forMs: number): Promise<boolean> {
    const count = await this.#database.$executeRaw`
      UPDATE "Connection" SET
        "refreshLockUntil" = ${fromNow(forMs)},
        "refreshUnansweredSince" = coalesce("refreshUnansweredSince", clock_timestamp()),
        "refreshDueAt" = least("refreshDueAt", clock_timestamp())
      WHERE id = ${id} AND "refreshLockOwner" = ${owner} AND revision = ${expectedRevision}`;
    return count === 1;
  }

  async releaseRefreshLock(id: string, owner: string): Promise<void> {
    await this.#database.connection.updateMany({ where: { id, refreshLockOwner: owner }, data: NO_LOCK });
  }

  async saveSuccessor(id: string, { owner, expectedRevision }: RefreshFence, successor: Successor): Promise<boolean> {
    const { count } = await this.#database.connection.updateMany({
      where: { id, refreshLockOwner: owner, revision: expectedRevision },
      data: {
        ...stateOf(successor),
        sealedCredential: Buffer.from(successor.sealedCredential),
        accessExpiresAt: toDate(successor.accessExpiresAt),
        scopes: [...successor.scopes],
        revision: expectedRevision + 1,
        ...NO_LOCK,
        ...ANSWERED,
      },
    });
    // If the connection was removed meanwhile, the provider must revoke the new credential instead of the old one.
    if (count === 0)
      await this.#database.upstreamRevocation.updateMany({
        where: { id, revision: expectedRevision },
        data: {
          sealedCredential: Buffer.from(successor.sealedCredential),
          revision: expectedRevision + 1,
          owner: null,
          dueAt: new Date(),
        },
      });
    return count === 1;
  }

  async saveState(id: string, { owner, expectedRevision }: RefreshFence, update: StateUpdate): Promise<boolean> {
    const { count } = await this.#database.connection.updateMany({
      where: { id, refreshLockOwner: owner, revision: expectedRevision },
      data: { ...stateOf(update), ...NO_LOCK, ...(update.isAnswered ? ANSWERED : {}) },
    });
    return count === 1;
  }

  async markNeedsReconnect(id: string, expectedRevision: number): Promise<boolean> {
    const { count } = await this.#database.connection.updateMany({
      where: { id, revision: expectedRevision },
      data: { state: 'needs_reconnect', refreshDueAt: null, ...NO_LOCK, ...ANSWERED },
    });
    return count === 1;
  }

  async #openable(row: Row | null | undefined): Promise<Connection | undefined> {
    if (row) await this.#keys?.learnKeyOf(row.sealedCredential);
    return row ? toConnection(row) : undefined;
  }

  async listDue(now: number, wanted: DueRequest): Promise<{ id: string; server: string }[]> {
    // The planner cannot know how few providers there are: it would compile for milliseconds what runs for
    // microseconds.
    const [, due] = await this.#database.$transaction([
      this.#database.$executeRaw`SET LOCAL jit = off`,
      this.#database.$queryRaw<{ id: string; server: string }[]>(selectDue(now, wanted)),
    ]);
    return due;
  }
}

/**
 * The query for connections whose refresh is due. It reads one range of one index for each provider and issuer, so
 * connections that are not due, or whose provider is paused, cost nothing. It finds the issuers by a loose scan of the
 * same index, and connections whose refresh got no answer in an index of their own.
 */
export function selectDue(now: number, { limit, providers, except = [] }: DueRequest): Prisma.Sql {
  const isDue = Prisma.sql`c."refreshDueAt" <= ${new Date(now)} AND c.state <> 'needs_reconnect'
    AND (c."refreshLockUntil" IS NULL OR c."refreshLockUntil" <= now())`;
  return Prisma.sql`
    WITH RECURSIVE wanted AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(providers)}::jsonb)
        AS w("credentialProvider" text, "atMost" int)
    ), pair AS (
      SELECT w.*,
        (SELECT min(c.issuer) FROM "Connection" c WHERE c."credentialProvider" = w."credentialProvider") AS issuer
      FROM wanted w
      UNION ALL
      SELECT p."credentialProvider", p."atMost",
        (SELECT min(c.issuer) FROM "Connection" c
          WHERE c."credentialProvider" = p."credentialProvider" AND c.issuer > p.issuer)
      FROM pair p WHERE p.issuer IS NOT NULL
    ), lane AS (
      SELECT p."credentialProvider", p.issuer, coalesce(x."atMost", p."atMost") AS "atMost" FROM pair p
      LEFT JOIN jsonb_to_recordset(${JSON.stringify(except)}::jsonb)
        AS x("credentialProvider" text, issuer text, "atMost" int)
        ON x."credentialProvider" = p."credentialProvider" AND x.issuer = p.issuer
      WHERE p.issuer IS NOT NULL
    ), due AS (
      SELECT one.* FROM lane CROSS JOIN LATERAL (
        SELECT c.id, c.server, c."refreshDueAt" FROM "Connection" c
        WHERE c."credentialProvider" = lane."credentialProvider" AND c.issuer = lane.issuer AND ${isDue}
        ORDER BY c."refreshDueAt" LIMIT lane."atMost"
      ) one
      UNION
      SELECT c.id, c.server, c."refreshDueAt" FROM "Connection" c
      WHERE c."refreshUnansweredSince" > now() - make_interval(secs => ${GRACE_MS / 1000}) AND ${isDue}
        AND c."credentialProvider" IN (SELECT w."credentialProvider" FROM wanted w)
    )
    SELECT id, server FROM due ORDER BY "refreshDueAt" LIMIT ${limit}`;
}

/** A time by the database's clock, the only one that all processes share. */
const fromNow = (ms: number) => Prisma.sql`clock_timestamp() + make_interval(secs => ${ms / 1000})`;
const toDate = (ms: number | null) => (ms === null ? null : new Date(ms));
const stateOf = ({
  state,
  refreshDueAt,
  refreshFailures,
}: Pick<Successor, 'state' | 'refreshDueAt' | 'refreshFailures'>) => ({
  state,
  refreshDueAt: toDate(refreshDueAt),
  refreshFailures,
});

function toRow({ sealedCredential, scopes, accessExpiresAt, refreshDueAt, ...rest }: NewConnection) {
  return {
    ...rest,
    sealedCredential: Buffer.from(sealedCredential),
    scopes: [...scopes],
    accessExpiresAt: toDate(accessExpiresAt),
    refreshDueAt: toDate(refreshDueAt),
  };
}

function toConnection(row: Row): Connection {
  const {
    refreshLockOwner: _owner,
    refreshLockUntil: _until,
    refreshUnansweredSince: _since,
    lastUsedAt,
    state,
    accessExpiresAt,
    refreshDueAt,
    createdAt,
    updatedAt,
    ...rest
  } = row;
  if (!isState(state))
    throw new SallyportError(
      'connection_malformed',
      'A stored connection is in a state that this version does not know.',
      { detail: { id: row.id, state } },
    );
  return {
    ...rest,
    state,
    accessExpiresAt: accessExpiresAt?.getTime() ?? null,
    refreshDueAt: refreshDueAt?.getTime() ?? null,
    lastUsedAt: lastUsedAt?.getTime() ?? null,
    createdAt: createdAt.getTime(),
    updatedAt: updatedAt.getTime(),
  };
}

function isState(value: string): value is ConnectionState {
  return states.has(value);
}
