import { AuditEvent } from '@sallyport/audit';
import type { Database, Prisma } from '@sallyport/database';
import { SallyportError } from '@sallyport/kernel';

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

/** Reads the trail in PostgreSQL. */
export class PostgresEventStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
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
