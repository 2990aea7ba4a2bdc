import type { Query, Statements } from '@sallyport/database';
import type { Clock } from '@sallyport/kernel';
import { z } from 'zod';
import { APPEND_LOCK } from './event-writer.js';

/**
 * A partition of the trail; each holds the events of [`from`, `to`), in milliseconds since the epoch. `Event_before`
 * has no `from`: it is what a deployment had before there were months. `Event_default` has neither.
 */
export interface Partition {
  readonly name: string;
  readonly from: number | undefined;
  readonly to: number | undefined;
}

/** What a month took with it when it was dropped. */
export interface DroppedMonth extends Partition {
  /** Log streams that had not sent all of its events. */
  readonly behind: readonly string[];
}

/** Beside the one that is now. */
const MONTHS_AHEAD = 2;
/** Whoever reads events is waited for no longer than this, and everybody who comes meanwhile waits with us. */
const PATIENCE = '2s';

const Partitions = z.array(z.object({ name: z.string(), bound: z.string() }));
const PARTITIONS = `
  SELECT part.relname AS "name", pg_get_expr(part.relpartbound, part.oid) AS "bound"
  FROM pg_inherits JOIN pg_class AS part ON part.oid = inhrelid
  WHERE inhparent = '"Event"'::regclass ORDER BY part.relname`;

/** Partitions of the trail, as PostgreSQL knows them. */
export async function listPartitions(statements: Statements): Promise<readonly Partition[]> {
  return statements.transaction(partitionsOf);
}

async function partitionsOf(query: Query): Promise<readonly Partition[]> {
  // Bounds are written in the time zone of whoever asks.
  await query({ text: "SET LOCAL TimeZone = 'UTC'", values: [] });
  const rows = Partitions.parse(await query({ text: PARTITIONS, values: [] }));
  return rows.map(({ name, bound }) => ({
    name,
    from: timeIn(/FROM \('([^']+)'\)/, bound),
    to: timeIn(/TO \('([^']+)'\)/, bound),
  }));
}

/** PostgreSQL writes `2027-01-01 00:00:00+00`. */
function timeIn(pattern: RegExp, bound: string): number | undefined {
  const [, text] = pattern.exec(bound) ?? [];
  return text === undefined ? undefined : Date.parse(text.replace(' ', 'T').replace(/\+00$/, 'Z'));
}

/**
 * Makes the month that is now, and those that come, where they are not there. Several control planes may do so at
 * once. Events of a month that were stored before it was made move into it.
 */
export async function makeMonths({ statements, clock }: { statements: Statements; clock: Clock }): Promise<void> {
  const due = monthsFrom(clock());
  const there = await listPartitions(statements);
  for (const month of due.filter((one) => !isCovered(one, there)))
    await statements.transaction(async (query) => {
      await alone(query);
      if (!isCovered(month, await partitionsOf(query))) await make(query, month);
    });
}

interface Month extends Partition {
  readonly from: number;
  readonly to: number;
}

const monthsFrom = (now: number): Month[] =>
  Array.from({ length: 1 + MONTHS_AHEAD }, (_, ahead) => {
    const [year, month] = [new Date(now).getUTCFullYear(), new Date(now).getUTCMonth() + ahead];
    const [from, to] = [Date.UTC(year, month), Date.UTC(year, month + 1)];
    return { name: `Event_${new Date(from).toISOString().slice(0, 7).replace('-', '_')}`, from, to };
  });

const isCovered = (month: Month, there: readonly Partition[]): boolean =>
  there.some(({ from = -Infinity, to }) => to !== undefined && from <= month.from && to >= month.to);

/**
 * An index of summaries that is made over an empty table begins with one of its first pages: each event that goes there
 * would be compared with it. Pages that are full are summarized later.
 */
const withoutSummary = (table: string): string => `
  SELECT brin_desummarize_range(index.oid, 0) FROM pg_index
    JOIN pg_class AS index ON index.oid = indexrelid JOIN pg_am AS method ON method.oid = index.relam
  WHERE indrelid = '"${table}"'::regclass AND method.amname = 'brin'`;

async function make(query: Query, { name, from, to }: Month): Promise<void> {
  const [begin, end] = [from, to].map((time) => `'${new Date(time).toISOString()}'`);
  for (const text of [
    `CREATE TABLE "${name}" (LIKE "Event" INCLUDING ALL)`,
    withoutSummary(name),
    `WITH moved AS (DELETE FROM "Event_default" WHERE "at" >= ${begin} AND "at" < ${end} RETURNING *)
      INSERT INTO "${name}" SELECT * FROM moved`,
    `ALTER TABLE "Event" ATTACH PARTITION "${name}" FOR VALUES FROM (${begin}) TO (${end})`,
  ])
    await query({ text, values: [] });
}

/** Waits until nothing is being stored, and for readers only as long as those who come meanwhile can wait. */
async function alone(query: Query): Promise<void> {
  await query({ text: `SET LOCAL lock_timeout = '${PATIENCE}'`, values: [] });
  await query({ text: 'SELECT pg_advisory_xact_lock($1::bigint)', values: [APPEND_LOCK] });
}

/**
 * Drops one month that ended before `before`, if there is one. What must outlive it moves to the default partition.
 * @param keep the type of events that stay
 */
export async function dropMonth(
  statements: Statements,
  { before, keep }: { readonly before: number; readonly keep: string },
): Promise<DroppedMonth | undefined> {
  const isOver = ({ from, to }: Partition): boolean => from !== undefined && to !== undefined && to <= before;
  if (!(await listPartitions(statements)).some((month) => isOver(month))) return undefined;
  return statements.transaction(async (query) => {
    await alone(query);
    const month = (await partitionsOf(query)).find((one) => isOver(one));
    if (month === undefined) return undefined;
    const behind = await query({ text: behindOf(month), values: [] });
    await query({ text: `ALTER TABLE "Event" DETACH PARTITION "${month.name}"`, values: [] });
    // With no month for them, they are routed to the default partition.
    await query({ text: `INSERT INTO "Event" SELECT * FROM "${month.name}" WHERE "type" = $1`, values: [keep] });
    await query({ text: `DROP TABLE "${month.name}"`, values: [] });
    return { ...month, behind: behind.map(({ stream }) => String(stream)) };
  });
}

const behindOf = ({ name }: Partition): string =>
  `SELECT "stream" FROM "LogStreamCursor" WHERE "sequence" < (SELECT max("sequence") FROM "${name}") ORDER BY 1`;
