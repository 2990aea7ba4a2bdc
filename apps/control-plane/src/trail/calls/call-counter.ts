import type { AuditEvent } from '@sallyport/audit';
import type { Query } from '@sallyport/database';
import type { Clock } from '@sallyport/kernel';
import { z } from 'zod';
import { CallNames } from './call-names.js';
import { bucketOf } from './latency-buckets.js';

/** Calls are counted in the minute and in the hour in which they ended. */
export const SPANS = { minute: 60, hour: 3_600 } as const;

const USE = `
  INSERT INTO "CallSeries" AS held ("clientId", "server", "tool", "outcome", "usedAt")
  SELECT names->>0, names->>1, names->>2, names->>3, to_timestamp($2::float8)
  FROM jsonb_array_elements($1::jsonb) AS names
  ON CONFLICT ("clientId", "server", "tool", "outcome")
  DO UPDATE SET "usedAt" = greatest(held."usedAt", EXCLUDED."usedAt")
  RETURNING "id", "clientId", "server", "tool", "outcome"`;
const Used = z.array(
  z.object({ id: z.int(), clientId: z.string(), server: z.string(), tool: z.string(), outcome: z.string() }),
);

/** Two transactions that count the same wait for one another, and neither loses what the other counted. */
const COUNT = `
  INSERT INTO "CallCount" AS held ("spanSeconds", "at", "series", "bucket", "calls")
  SELECT "span", to_timestamp("at"), "series", "bucket", "calls"
  FROM unnest($1::smallint[], $2::float8[], $3::int[], $4::smallint[], $5::int[])
    AS counted("span", "at", "series", "bucket", "calls")
  ON CONFLICT ("spanSeconds", "at", "series", "bucket") DO UPDATE SET "calls" = held."calls" + EXCLUDED."calls"`;

/** Span, beginning in seconds since the epoch, series, bucket and number of calls. */
type Counted = [spanSeconds: number, at: number, series: number, bucket: number, calls: number];
type Names = readonly [clientId: string, server: string, tool: string, outcome: string];

/** Counts calls where they are stored, in the same transaction. To be forgotten where that was broken off. */
export class CallCounter {
  readonly #names = new CallNames();
  #hour = 0;
  /** Ids of series that were used in this hour, by their names. */
  #series = new Map<string, number>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param ended events of type `mcp.response` that this transaction stores */
  async count(query: Query, ended: readonly AuditEvent[]): Promise<void> {
    if (ended.length === 0) return;
    this.#begin(Math.floor(this.#clock() / 1000 / SPANS.hour));
    const named = ended.map((event) => [event, this.#namesOf(event)] as const);
    await this.#use(
      query,
      named.map(([, names]) => names),
    );
    const counts = new Map<string, Counted>();
    for (const [{ at, detail }, names] of named) {
      const series = this.#series.get(JSON.stringify(names)) ?? 0;
      const [seconds, bucket] = [Math.floor(at / 1000), bucketOf(Number(detail['durationMs'] ?? 0))];
      for (const span of Object.values(SPANS)) {
        const begin = seconds - (seconds % span);
        const key = `${span} ${begin} ${series} ${bucket}`;
        const counted = counts.get(key);
        if (counted === undefined) counts.set(key, [span, begin, series, bucket, 1]);
        else counted[4] += 1;
      }
    }
    const rows = [...counts.values()];
    await query({ text: COUNT, values: [0, 1, 2, 3, 4].map((column) => rows.map((row) => row[column])) });
  }

  /** Each hour begins with no names: what was made up in the one before is counted apart no more. */
  #begin(hour: number): void {
    if (hour === this.#hour) return;
    this.#hour = hour;
    this.#names.clear();
    this.#series = new Map();
  }

  #namesOf(event: AuditEvent): Names {
    const { clientId, server, tool } = this.#names.of(event);
    return [clientId, server, tool, event.outcome ?? 'success'];
  }

  async #use(query: Query, names: readonly Names[]): Promise<void> {
    const unknown = new Set(names.map((one) => JSON.stringify(one)).filter((one) => !this.#series.has(one)));
    if (unknown.size === 0) return;
    const values = [`[${[...unknown].join(',')}]`, this.#hour * SPANS.hour];
    for (const { id, clientId, server, tool, outcome } of Used.parse(await query({ text: USE, values })))
      this.#series.set(JSON.stringify([clientId, server, tool, outcome]), id);
  }
}
