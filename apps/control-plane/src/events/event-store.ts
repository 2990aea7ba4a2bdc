import { AuditEvent } from '@sallyport/audit';
import type { Database, Prisma } from '@sallyport/database';

export interface EventQuery {
  /** Events with a higher sequence. */
  readonly after: bigint;
  readonly limit: number;
  readonly type?: string | undefined;
  readonly userId?: string | undefined;
  readonly clientId?: string | undefined;
  readonly server?: string | undefined;
}

export type StoredEvent = AuditEvent & { readonly sequence: number };

/** Any number; all writers of the trail of one database agree on it. */
const APPEND_LOCK = 5_125_101_478;

/** The trail in PostgreSQL, in order of arrival. */
export class PostgresEventStore {
  readonly #database: Database;
  readonly #alongside: (events: readonly AuditEvent[]) => Prisma.PrismaPromise<unknown>[];

  /** @param alongside what else one batch leads to, stored before it and in the same transaction. */
  constructor(database: Database, alongside: (events: readonly AuditEvent[]) => Prisma.PrismaPromise<unknown>[] = () => []) {
    this.#database = database;
    this.#alongside = alongside;
  }

  /**
   * Stores what is not stored yet, by id. Appends happen one after the other, so that sequences commit in order: who
   * reads on from the last sequence it saw misses nothing.
   */
  async append(events: readonly AuditEvent[]): Promise<void> {
    if (events.length === 0) return;
    // One parameter and one statement however many events: this runs for every call of every agent.
    await this.#database.$transaction([
      this.#database.$executeRaw`SELECT pg_advisory_xact_lock(${APPEND_LOCK}::bigint)`,
      ...this.#alongside(events),
      this.#database.$executeRaw`
        INSERT INTO "Event" ("id", "type", "at", "userId", "clientId", "sid", "server", "body")
        SELECT event->>'id', event->>'type', timestamptz 'epoch' + (event->>'at')::bigint * interval '1 millisecond',
               event->>'userId', event->>'clientId', event->>'sid', event->>'server', event
        FROM jsonb_array_elements(${JSON.stringify(events)}::jsonb) WITH ORDINALITY AS batch (event, position)
        ORDER BY position
        ON CONFLICT ("id") DO NOTHING`,
    ]);
  }

  /** Oldest first. */
  async list({ after, limit, type, userId, clientId, server }: EventQuery): Promise<StoredEvent[]> {
    const where: Prisma.EventWhereInput = { sequence: { gt: after }, ...(type !== undefined && { type }), ...(userId !== undefined && { userId }), ...(clientId !== undefined && { clientId }), ...(server !== undefined && { server }) };
    const rows = await this.#database.event.findMany({ where, orderBy: { sequence: 'asc' }, take: limit });
    return rows.map((row) => ({ sequence: Number(row.sequence), ...AuditEvent.parse(row.body) }));
  }
}
