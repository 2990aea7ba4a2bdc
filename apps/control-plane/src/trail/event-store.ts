import type { EventFilter } from '@sallyport/admin-api/events';
import { AuditEvent } from '@sallyport/audit';
import { Prisma, type Database } from '@sallyport/database';
import { SallyportError } from '@sallyport/kernel';
import { whereOf } from './event-filter.js';

export interface EventQuery extends EventFilter {
  /** Events with a higher sequence, oldest first. */
  readonly after?: bigint | undefined;
  /** Without `after`: those with a lower sequence, newest first; the newest of all without either. */
  readonly before?: bigint | undefined;
  readonly limit: number;
}

export type StoredEvent = AuditEvent & { readonly sequence: number };

/** The next events of a filter, as they are stored, and how far the trail was looked through for them. */
export interface EventPage {
  readonly events: readonly { readonly sequence: bigint; readonly body: AuditEvent }[];
  /** Of the last event that was looked at. */
  readonly last: bigint;
}

/** Sequences that one statement looks through, however few of them are asked for. */
const LOOKED_THROUGH = 50_000n;

interface EventRow {
  readonly sequence: bigint;
  readonly id: string;
  readonly body: unknown;
}

/** Reads the trail in PostgreSQL. */
export class PostgresEventStore {
  readonly #database: Pick<Database, '$queryRaw'>;

  constructor(database: Pick<Database, '$queryRaw'>) {
    this.#database = database;
  }

  async list({ after, before, limit, ...filter }: EventQuery): Promise<StoredEvent[]> {
    const where = Prisma.join(
      [
        whereOf(filter),
        ...(after === undefined ? [] : [Prisma.sql`"sequence" > ${after}`]),
        ...(before === undefined ? [] : [Prisma.sql`"sequence" < ${before}`]),
      ],
      ' AND ',
    );
    const order = after === undefined ? Prisma.sql`DESC` : Prisma.sql`ASC`;
    const rows = await this.#database.$queryRaw<EventRow[]>`
      SELECT "sequence", "id", "body" FROM "Event" WHERE ${where} ORDER BY "sequence" ${order} LIMIT ${limit}`;
    return rows.map((row) => ({ sequence: Number(row.sequence), ...readEvent(row) }));
  }

  /** The sequence of the newest event; 0: there is none. Whatever has a lower one is there, or never will be. */
  async newest(): Promise<bigint> {
    const [row] = await this.#database.$queryRaw<{ newest: bigint }[]>`
      SELECT coalesce(max("sequence"), 0) AS "newest" FROM "Event"`;
    return row?.newest ?? 0n;
  }

  /** The sequence of the oldest event; `undefined`: there is none. */
  async oldest(): Promise<bigint | undefined> {
    const [row] = await this.#database.$queryRaw<{ oldest: bigint | null }[]>`
      SELECT min("sequence") AS "oldest" FROM "Event"`;
    return row?.oldest ?? undefined;
  }

  /** Reads on after `after`, oldest first, as far as `upTo`; events of a newer version are passed on as they are. */
  async page(
    filter: EventFilter,
    { after, upTo, most }: { readonly after: bigint; readonly upTo: bigint; readonly most: number },
  ): Promise<EventPage> {
    const end = after + LOOKED_THROUGH < upTo ? after + LOOKED_THROUGH : upTo;
    const events = await this.#database.$queryRaw<EventPage['events'][number][]>`
      SELECT "sequence", "body" FROM "Event"
      WHERE "sequence" > ${after} AND "sequence" <= ${end} AND ${whereOf(filter)}
      ORDER BY "sequence" LIMIT ${most}`;
    return { events, last: events.length === most ? (events.at(-1)?.sequence ?? end) : end > after ? end : after };
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
