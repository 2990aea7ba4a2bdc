import type { Database } from '@sallyport/database';
import type { Severity, SinkRecord } from '@sallyport/log-sinks';

/** An event that a receiver refused, with what was to be sent of it. */
export interface DeadLetter {
  readonly eventId: string;
  readonly type: string;
  readonly at: Date;
  readonly severity: Severity;
  readonly body: string;
  readonly attempts: number;
  readonly reason: string;
  readonly said: string;
}

export interface KeptDeadLetter extends Omit<DeadLetter, 'severity'> {
  readonly diedAt: Date;
  readonly isAsked: boolean;
}

export function deadLetterOf(
  { id, type, at, severity, body }: SinkRecord,
  why: Pick<DeadLetter, 'attempts' | 'reason' | 'said'>,
): DeadLetter {
  return { eventId: id, type, at: new Date(at), severity, body, ...why };
}

/** What receivers refused, in PostgreSQL, until they take it after all or it is as old as events get. */
export class DeadLetters {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Those that are to be sent again, the oldest event first. */
  async asked(stream: string, limit: number): Promise<SinkRecord[]> {
    const rows = await this.#database.logStreamDeadLetter.findMany({
      where: { stream, isAsked: true },
      orderBy: [{ at: 'asc' }, { eventId: 'asc' }],
      take: limit,
    });
    return rows.map(({ eventId: id, at, type, severity, body }) => ({
      id,
      at: at.getTime(),
      type,
      severity: severity === 'error' || severity === 'warning' ? severity : 'info',
      body,
    }));
  }

  /** Those that were taken are gone; one that was refused again stays, and is not sent again unasked. */
  async settle(stream: string, taken: readonly SinkRecord[], dead: DeadLetter | undefined): Promise<void> {
    const eventIds = taken.map(({ id }) => id);
    await this.#database.logStreamDeadLetter.deleteMany({ where: { stream, eventId: { in: eventIds } } });
    if (dead === undefined) return;
    const { eventId, attempts, reason, said } = dead;
    await this.#database.logStreamDeadLetter.updateMany({
      where: { stream, eventId },
      data: { isAsked: false, attempts: { increment: attempts }, reason, said },
    });
  }

  /** @param eventIds all unless said @returns how many will be sent again */
  async ask(stream: string, eventIds: readonly string[] | undefined): Promise<number> {
    const { count } = await this.#database.logStreamDeadLetter.updateMany({
      where: { stream, ...(eventIds !== undefined && { eventId: { in: [...eventIds] } }) },
      data: { isAsked: true },
    });
    return count;
  }

  /** The latest first. */
  async list(stream: string, limit: number): Promise<KeptDeadLetter[]> {
    return this.#database.logStreamDeadLetter.findMany({
      where: { stream },
      orderBy: [{ diedAt: 'desc' }, { eventId: 'asc' }],
      take: limit,
    });
  }
}
