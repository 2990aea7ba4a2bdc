import type { AuditEvent } from '@sallyport/audit';
import { canonicalJson, digestOfText } from '@sallyport/audit-chain';
import type { Query, Statements } from '@sallyport/database';
import { Batches, RecordNumbers, type Clock } from '@sallyport/kernel';
import { CallCounter } from './calls/call-counter.js';

/** Any number; all writers of the trail of one database agree on it, and whoever makes or drops a month of it. */
export const APPEND_LOCK = 5_125_101_478;

/**
 * One statement and two values however many events, the events and their digests: this runs for every call. Answers
 * with the calls that were not stored before.
 */
const INSERT = `
  WITH stored AS (INSERT INTO "Event" ("id", "type", "at", "userId", "clientId", "sid", "server", "digest", "body")
  SELECT event->>'id', event->>'type', timestamptz 'epoch' + (event->>'at')::bigint * interval '1 millisecond',
         event->>'userId', event->>'clientId', event->>'sid', event->>'server',
         substring($2::bytea FROM (position::int - 1) * 32 + 1 FOR 32), event
  FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS batch (event, position)
  ORDER BY position
  ON CONFLICT ("id", "at") DO NOTHING RETURNING "id", "type")
  SELECT "id" FROM stored WHERE "type" = 'mcp.response'`;

/** Appends that one transaction takes, of all that wait. */
const MOST_APPENDS = 100;

/** Whoever stores events: it is done when `append` resolves. */
export type StoreEvents = Pick<PostgresEventWriter, 'append'>;

/** Those with these ids, once of what stands in one batch twice. */
const onceOf = (events: readonly AuditEvent[], ids: Set<string>): AuditEvent[] =>
  events.filter(({ id }) => ids.delete(id));

export interface EventWriterOptions {
  readonly statements: Statements;
  /** The name of this process. */
  readonly replica: string;
  readonly clock: Clock;
}

/** Writes the trail in PostgreSQL, in order of arrival. */
export class PostgresEventWriter {
  readonly #options: EventWriterOptions;
  #numbers: RecordNumbers;
  #calls: CallCounter;
  readonly #appends = new Batches<readonly AuditEvent[], PromiseSettledResult<void>>({
    run: (all) => this.#appendAll(all),
    most: MOST_APPENDS,
  });

  constructor(options: EventWriterOptions) {
    this.#options = options;
    this.#numbers = new RecordNumbers(options.replica);
    this.#calls = new CallCounter(options.clock);
  }

  /**
   * Stores what is not stored yet, by id. Appends happen one after the other, so that sequences commit in order: who
   * reads on from the last sequence it saw misses nothing. What waits meanwhile goes together: each waits for the one
   * that runs, however many calls of agents are recorded at that time (S34). What no writer numbered, this process
   * does.
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

  async #insert(given: readonly AuditEvent[]): Promise<void> {
    const { statements, replica, clock } = this.#options;
    try {
      await statements.transaction(async (query) => {
        await query({ text: 'SELECT pg_advisory_xact_lock($1::bigint)', values: [APPEND_LOCK] });
        const events = await this.#numbered(given, query);
        const texts = events.map((event) => canonicalJson(event));
        const digests = Buffer.concat(texts.map((text) => digestOfText(text)));
        const ended = await query({ text: INSERT, values: [`[${texts.join(',')}]`, digests] });
        await this.#calls.count(query, onceOf(events, new Set(ended.map(({ id }) => String(id)))));
      });
    } catch (error) {
      // It may be stored all the same: its numbers are not given again, and those that follow it are another writer's.
      this.#numbers = new RecordNumbers(replica);
      // And what it counts calls under may not be there.
      this.#calls = new CallCounter(clock);
      throw error;
    }
  }

  /** Numbers what no writer did, but for what is stored already: that would leave a gap. */
  async #numbered(events: readonly AuditEvent[], query: Query): Promise<readonly AuditEvent[]> {
    const ids = new Set(events.filter(({ n }) => n === undefined).map(({ id }) => id));
    if (ids.size === 0) return events;
    const stored = await query({ text: 'SELECT "id" FROM "Event" WHERE "id" = ANY($1::text[])', values: [[...ids]] });
    for (const { id } of stored) ids.delete(String(id));
    return events.flatMap((event) => {
      if (event.n !== undefined) return [event];
      // Once of those that stand in one batch twice.
      return ids.delete(event.id) ? [{ ...event, writer: this.#numbers.writer, n: this.#numbers.next() }] : [];
    });
  }
}
