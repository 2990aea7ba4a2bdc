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
}

function readEvent({ id, body }: { readonly id: string; readonly body: unknown }): AuditEvent {
  const parsed = AuditEvent.safeParse(body);
  if (!parsed.success)
    throw new SallyportError('event_unreadable', `The stored event ${id} is not one this version understands.`, {
      cause: parsed.error,
    });
  return parsed.data;
}
