import type { Database } from '@sallyport/database';
import type { DeadLetter } from './dead-letters.js';
import type { LogStream } from './log-stream.js';

/** A stream that this control plane serves, with what there is to do for it. */
export interface HeldStream {
  readonly stream: string;
  readonly sequence: bigint;
  /** Of the trail. */
  readonly newest: bigint;
  /** When the oldest event behind `sequence` happened; `null`: there is none. */
  readonly oldestAt: Date | null;
  /** Dead letters are to be sent again. */
  readonly isReplayed: boolean;
  /** Counted up to `MOST_COUNTED`. */
  readonly deadLetters: number;
}

/** How a stream stands, for administrators. */
export interface StreamStanding extends Omit<HeldStream, 'isReplayed'> {
  readonly delivered: bigint;
  readonly deliveredAt: Date | null;
  readonly failures: number;
  readonly failedAt: Date | null;
  readonly nextAttemptAt: Date | null;
  readonly reason: string | null;
  readonly said: string | null;
}

export interface Advance {
  readonly stream: string;
  readonly sequence: bigint;
  readonly delivered: number;
  readonly dead?: DeadLetter | undefined;
}

export interface Failure {
  readonly stream: string;
  readonly failures: number;
  readonly reason: string;
  readonly said: string;
  readonly failedAt: Date;
  readonly nextAttemptAt: Date;
}

/** A control plane that said nothing for this time serves its streams no more. */
const HELD_SECONDS = 15;
const MOST_COUNTED = 10_000;
/** A stream that was removed, and comes back within this time, goes on where it was. */
const REMEMBERED = '7 days';

/** Where streams are, in PostgreSQL. Of several control planes one serves a stream; another takes over when it dies. */
export class StreamCursors {
  readonly #database: Database;
  readonly #holder: string;

  /** @param holder this process, while it runs */
  constructor(database: Database, holder: string) {
    this.#database = database;
    this.#holder = holder;
  }

  /** Puts new streams where they begin; those there are stay where they are. */
  async place(streams: readonly Pick<LogStream, 'name' | 'start'>[]): Promise<void> {
    const names = streams.map(({ name }) => name);
    const fromNow = streams.filter(({ start }) => start === 'now').map(({ name }) => name);
    await this.#database.$executeRaw`
      INSERT INTO "LogStreamCursor" ("stream", "sequence")
      SELECT name, CASE WHEN name = ANY (${fromNow}::text[])
        THEN (SELECT coalesce(max("sequence"), 0) FROM "Event") ELSE 0 END
      FROM unnest(${names}::text[]) AS name ON CONFLICT DO NOTHING`;
  }

  /** Of these streams, those that this process serves now, for some seconds more. */
  async hold(names: readonly string[]): Promise<HeldStream[]> {
    return this.#database.$queryRaw<HeldStream[]>`
      UPDATE "LogStreamCursor" AS held
      SET "holder" = ${this.#holder}, "heldUntil" = now() + make_interval(secs => ${HELD_SECONDS})
      WHERE "stream" = ANY (${names}::text[])
        AND ("holder" = ${this.#holder} OR "heldUntil" IS NULL OR "heldUntil" < now())
      RETURNING "stream", "sequence",
        (SELECT coalesce(max("sequence"), 0) FROM "Event") AS "newest",
        (SELECT "at" FROM "Event" WHERE "sequence" > held."sequence" ORDER BY "sequence" LIMIT 1) AS "oldestAt",
        EXISTS (SELECT FROM "LogStreamDeadLetter" AS dead WHERE dead."stream" = held."stream" AND dead."isAsked")
          AS "isReplayed",
        (SELECT count(*)::int FROM (SELECT FROM "LogStreamDeadLetter" AS dead WHERE dead."stream" = held."stream"
          LIMIT ${MOST_COUNTED}) AS counted) AS "deadLetters"`;
  }

  /** @returns whether this process still serves the stream; otherwise nothing was written */
  async advance({ stream, sequence, delivered, dead }: Advance): Promise<boolean> {
    const letters = JSON.stringify(dead === undefined ? [] : [dead]);
    const rows = await this.#database.$queryRaw<{ stream: string }[]>`
      WITH moved AS (
        UPDATE "LogStreamCursor" SET "sequence" = ${sequence}, "delivered" = "delivered" + ${delivered},
          "deliveredAt" = CASE WHEN ${delivered} > 0 THEN now() ELSE "deliveredAt" END,
          "failures" = 0, "failedAt" = NULL, "nextAttemptAt" = NULL, "reason" = NULL, "said" = NULL
        WHERE "stream" = ${stream} AND "holder" = ${this.#holder} RETURNING "stream"),
      kept AS (
        INSERT INTO "LogStreamDeadLetter"
          ("stream", "eventId", "type", "at", "severity", "body", "attempts", "reason", "said")
        SELECT ${stream}, d."eventId", d."type", d."at", d."severity", d."body", d."attempts", d."reason", d."said"
        FROM jsonb_to_recordset(${letters}::jsonb) AS d("eventId" text, "type" text, "at" timestamptz, "severity" text,
          "body" text, "attempts" int, "reason" text, "said" text)
        WHERE EXISTS (SELECT FROM moved) ON CONFLICT DO NOTHING)
      SELECT "stream" FROM moved`;
    return rows.length > 0;
  }

  async fail({ stream, failures, reason, said, failedAt, nextAttemptAt }: Failure): Promise<void> {
    await this.#database.logStreamCursor.updateMany({
      where: { stream, holder: this.#holder },
      data: { failures, reason, said, failedAt, nextAttemptAt },
    });
  }

  /** Another control plane may serve them at once. */
  async release(): Promise<void> {
    await this.#database.$executeRaw`
      UPDATE "LogStreamCursor" SET "holder" = NULL, "heldUntil" = now() WHERE "holder" = ${this.#holder}`;
  }

  /** Forgets where streams were that are no more, and what could not be delivered before `before`. */
  async forget(names: readonly string[], before: Date): Promise<void> {
    await this.#database.$executeRaw`
      DELETE FROM "LogStreamCursor"
      WHERE "stream" <> ALL (${names}::text[]) AND "heldUntil" < now() - ${REMEMBERED}::interval`;
    await this.#database.logStreamDeadLetter.deleteMany({ where: { diedAt: { lt: before }, isAsked: false } });
  }

  async standings(): Promise<StreamStanding[]> {
    return this.#database.$queryRaw<StreamStanding[]>`
      SELECT held.*, (SELECT coalesce(max("sequence"), 0) FROM "Event") AS "newest",
        (SELECT "at" FROM "Event" WHERE "sequence" > held."sequence" ORDER BY "sequence" LIMIT 1) AS "oldestAt",
        (SELECT count(*)::int FROM (SELECT FROM "LogStreamDeadLetter" AS dead WHERE dead."stream" = held."stream"
          LIMIT ${MOST_COUNTED}) AS counted) AS "deadLetters"
      FROM "LogStreamCursor" AS held`;
  }
}
