import { AuditEvent } from '@sallyport/audit';
import type { Database, Prisma } from '@sallyport/database';
import { Batches, SallyportError } from '@sallyport/kernel';

export interface EventQuery {
  /** Events with a higher sequence, oldest first. */
  readonly after?: bigint | undefined;
  /** Without `after`: those with a lower sequence, newest first; the newest of all without either. */
  readonly before?: bigint | undefined;
  readonly limit: number;
  readonly type?: string | undefined;
  readonly userId?: string | undefined;
  readonly clientId?: string | undefined;
  readonly server?: string | undefined;
}

export type StoredEvent = AuditEvent & { readonly sequence: number };

/** Any number; all writers of the trail of one database agree on it. */
const APPEND_LOCK = 5_125_101_478;

/** Appends that one transaction takes, of all that wait. */
const MOST_APPENDS = 100;

/** The trail in PostgreSQL, in order of arrival. */
export class PostgresEventStore {
  readonly #database: Database;
  readonly #alongside: (events: readonly AuditEvent[]) => Prisma.PrismaPromise<unknown>[];
  readonly #appends = new Batches<readonly AuditEvent[], PromiseSettledResult<void>>({
    run: (all) => this.#appendAll(all),
    most: MOST_APPENDS,
  });

  /** @param alongside what else one batch leads to, stored before it and in the same transaction. */
  constructor(
    database: Database,
    alongside: (events: readonly AuditEvent[]) => Prisma.PrismaPromise<unknown>[] = () => [],
  ) {
    this.#database = database;
    this.#alongside = alongside;
  }

  /**
   * Stores what is not stored yet, by id. Appends happen one after the other, so that sequences commit in order: who
   * reads on from the last sequence it saw misses nothing. What waits meanwhile goes together: each waits for the one
   * that runs, however many calls of agents are recorded at that time (S34).
   */
  async append(events: readonly AuditEvent[]): Promise<void> {
    if (events.length === 0) return;
    const stored = await this.#appends.add(events);
    if (stored.status === 'fulfilled') return;
    const reason: unknown = stored.reason;
    throw reason;
  }

  /** Each by itself when they cannot be stored together: what is wrong with one is not the others' failure. */
  async #appendAll(all: readonly (readonly AuditEvent[])[]): Promise<PromiseSettledResult<void>[]> {
    const [together] = await Promise.allSettled([this.#insert(all.flat())]);
    if (together.status === 'fulfilled' || all.length === 1) return all.map(() => together);
    const stored: PromiseSettledResult<void>[] = [];
    for (const events of all) stored.push(...(await Promise.allSettled([this.#insert(events)])));
    return stored;
  }

  async #insert(events: readonly AuditEvent[]): Promise<void> {
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

  async list({ after, before, limit, type, userId, clientId, server }: EventQuery): Promise<StoredEvent[]> {
    const sequence: Prisma.BigIntFilter = {
      ...(after !== undefined && { gt: after }),
      ...(before !== undefined && { lt: before }),
    };
    const where: Prisma.EventWhereInput = {
      sequence,
      ...(type !== undefined && { type }),
      ...(userId !== undefined && { userId }),
      ...(clientId !== undefined && { clientId }),
      ...(server !== undefined && { server }),
    };
    const rows = await this.#database.event.findMany({
      where,
      orderBy: { sequence: after === undefined ? 'desc' : 'asc' },
      take: limit,
    });
    return rows.map((row) => ({ sequence: Number(row.sequence), ...readEvent(row) }));
  }
}

function readEvent({ id, body }: { readonly id: string; readonly body: unknown }): AuditEvent {
  const parsed = AuditEvent.safeParse(body);
  if (!parsed.success)
    throw new SallyportError('event_unreadable', `The stored event ${id} is not one this version understands.`, {
      cause: parsed.error,
    });
  return parsed.data;
}
