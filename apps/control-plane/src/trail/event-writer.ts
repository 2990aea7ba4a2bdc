import type { AuditEvent } from '@sallyport/audit';
import type { Statement, Statements } from '@sallyport/database';
import { Batches } from '@sallyport/kernel';

/** Any number; all writers of the trail of one database agree on it. */
const APPEND_LOCK = 5_125_101_478;

/** One statement and one value however many events: this runs for every call of every agent. */
const INSERT = `
  INSERT INTO "Event" ("id", "type", "at", "userId", "clientId", "sid", "server", "body")
  SELECT event->>'id', event->>'type', timestamptz 'epoch' + (event->>'at')::bigint * interval '1 millisecond',
         event->>'userId', event->>'clientId', event->>'sid', event->>'server', event
  FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS batch (event, position)
  ORDER BY position
  ON CONFLICT ("id") DO NOTHING`;

/** Appends that one transaction takes, of all that wait. */
const MOST_APPENDS = 100;

/** Whoever stores events: it is done when `append` resolves. */
export type StoreEvents = Pick<PostgresEventWriter, 'append'>;

/** Writes the trail in PostgreSQL, in order of arrival. */
export class PostgresEventWriter {
  readonly #statements: Statements;
  readonly #alongside: (events: readonly AuditEvent[]) => Statement[];
  readonly #appends = new Batches<readonly AuditEvent[], PromiseSettledResult<void>>({
    run: (all) => this.#appendAll(all),
    most: MOST_APPENDS,
  });

  /** @param alongside what else one batch leads to, stored before it and in the same transaction. */
  constructor(statements: Statements, alongside: (events: readonly AuditEvent[]) => Statement[] = () => []) {
    this.#statements = statements;
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
    await this.#statements.transaction([
      { text: 'SELECT pg_advisory_xact_lock($1::bigint)', values: [APPEND_LOCK] },
      ...this.#alongside(events),
      { text: INSERT, values: [JSON.stringify(events)] },
    ]);
  }
}
