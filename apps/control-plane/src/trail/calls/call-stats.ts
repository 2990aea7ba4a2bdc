import {
  CALL_STEPS,
  type CallGroup,
  type CallStat,
  type CallStats,
  type CallStatsQuery,
} from '@sallyport/admin-api/events';
import { Prisma, type Database } from '@sallyport/database';
import { SPANS } from './call-counter.js';
import { latencyOf } from './latency-buckets.js';

/** For a longer time hours are counted, which are fewer. */
const MOST_MS_OF_MINUTES = 6 * 3_600_000;

const COLUMNS: Readonly<Record<CallGroup, readonly ('clientId' | 'server' | 'tool' | 'outcome')[]>> = {
  agent: ['clientId'],
  server: ['server'],
  tool: ['server', 'tool'],
  outcome: ['outcome'],
};

interface StatRow {
  readonly at: Date | null;
  /** The values of the group's columns. */
  readonly group: readonly string[];
  readonly calls: bigint;
  readonly failures: bigint;
  readonly denied: bigint;
  readonly pending: bigint;
  /** Buckets. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly groups: bigint;
}

/** Counts calls that the trail has told of; see `CallCounter`. */
export async function readCallStats(database: Pick<Database, '$queryRaw'>, query: CallStatsQuery): Promise<CallStats> {
  const asked = Date.parse(query.to) - Date.parse(query.from);
  const isByHour = query.step === undefined ? asked > MOST_MS_OF_MINUTES : CALL_STEPS[query.step] >= SPANS.hour;
  const spanSeconds = isByHour ? SPANS.hour : SPANS.minute;
  const spanMs = spanSeconds * 1000;
  const from = Math.floor(Date.parse(query.from) / spanMs) * spanMs;
  const to = Math.ceil(Date.parse(query.to) / spanMs) * spanMs;
  const columns = query.by === undefined ? [] : COLUMNS[query.by];
  const stepSeconds = query.step === undefined ? undefined : CALL_STEPS[query.step];
  const rows = await database.$queryRaw<StatRow[]>(statement(query, { spanSeconds, from, to, columns, stepSeconds }));
  const seconds = stepSeconds ?? (to - from) / 1000;
  return {
    ...{ from: new Date(from).toISOString(), to: new Date(to).toISOString() },
    stats: rows.map((row) => statOf(row, columns, seconds)),
    isCut: query.by !== undefined && Number(rows[0]?.groups ?? 0) > query.limit,
  };
}

interface Counting {
  readonly spanSeconds: number;
  /** Milliseconds since the epoch. */
  readonly from: number;
  readonly to: number;
  readonly columns: readonly string[];
  readonly stepSeconds: number | undefined;
}

function statement(query: CallStatsQuery, { spanSeconds, from, to, columns, stepSeconds }: Counting): Prisma.Sql {
  const group = Prisma.raw(`ARRAY[${columns.map((name) => `"${name}"`).join(', ')}]::text[]`);
  const step =
    stepSeconds === undefined
      ? Prisma.sql`NULL::timestamptz`
      : Prisma.sql`date_bin(make_interval(secs => ${stepSeconds}), "at", timestamptz 'epoch')`;
  const filters = (['clientId', 'server', 'tool', 'outcome'] as const).flatMap((name) =>
    query[name] === undefined ? [] : [Prisma.sql`${Prisma.raw(`"${name}"`)} = ${query[name]}`],
  );
  return Prisma.sql`
    WITH wanted AS (SELECT * FROM "CallSeries" WHERE ${Prisma.join([Prisma.sql`true`, ...filters], ' AND ')}),
    summed AS (
      SELECT ${step} AS "step", "series", "bucket", sum("calls") AS "calls" FROM "CallCount"
      WHERE "spanSeconds" = ${spanSeconds}::smallint AND "at" >= ${new Date(from)} AND "at" < ${new Date(to)}
        ${filters.length === 0 ? Prisma.empty : Prisma.sql`AND "series" IN (SELECT "id" FROM wanted)`}
      GROUP BY 1, 2, 3),
    counted AS (
      SELECT "step", ${group} AS "group", "bucket", sum("calls") AS "calls",
        sum("calls") FILTER (WHERE "outcome" = 'failure') AS "failures",
        sum("calls") FILTER (WHERE "outcome" = 'denied') AS "denied",
        sum("calls") FILTER (WHERE "outcome" = 'pending') AS "pending"
      FROM summed JOIN wanted ON wanted."id" = "series" GROUP BY 1, 2, 3),
    busiest AS (
      SELECT "group", sum("calls") AS "ofGroup", count(*) OVER () AS "groups"
      FROM counted GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ${query.limit}),
    ranked AS (
      SELECT *, sum("calls") OVER within AS "upTo", sum("calls") OVER (PARTITION BY "step", "group") AS "all"
      FROM counted JOIN busiest USING ("group")
      WINDOW within AS (PARTITION BY "step", "group" ORDER BY "bucket"))
    SELECT "step" AS "at", "group", sum("calls")::bigint AS "calls",
      coalesce(sum("failures"), 0)::bigint AS "failures", coalesce(sum("denied"), 0)::bigint AS "denied",
      coalesce(sum("pending"), 0)::bigint AS "pending",
      min("bucket") FILTER (WHERE "upTo" >= 0.5 * "all")::int AS "p50",
      min("bucket") FILTER (WHERE "upTo" >= 0.95 * "all")::int AS "p95",
      min("bucket") FILTER (WHERE "upTo" >= 0.99 * "all")::int AS "p99", max("groups") AS "groups"
    FROM ranked GROUP BY 1, 2 ORDER BY 1, max("ofGroup") DESC, 2`;
}

function statOf(row: StatRow, columns: readonly string[], seconds: number): CallStat {
  const calls = Number(row.calls);
  return {
    ...(row.at !== null && { at: row.at.toISOString() }),
    ...Object.fromEntries(columns.map((name, at) => [name, row.group[at] ?? ''])),
    calls,
    perSecond: Math.round((calls / seconds) * 1000) / 1000,
    ...{ failures: Number(row.failures), denied: Number(row.denied), pending: Number(row.pending) },
    ...{ p50Ms: latencyOf(row.p50), p95Ms: latencyOf(row.p95), p99Ms: latencyOf(row.p99) },
  };
}
