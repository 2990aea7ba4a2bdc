import type { Database, Statements } from '@sallyport/database';
import type { Clock } from '@sallyport/kernel';
import type { Logger } from '@sallyport/telemetry';
import { dropMonth, listPartitions } from './event-months.js';

export interface Forgetting {
  readonly database: Pick<Database, '$executeRaw' | '$executeRawUnsafe'>;
  /** Those that events are stored with: whoever drops a month waits until nothing is being stored. */
  readonly statements: Statements;
  readonly clock: Clock;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  /** How long events are kept, and change sets that were published. */
  readonly retentionMs: number;
  /** Rows of one transaction. Default 1000. */
  readonly batch?: number;
  /** Definitions of tools of one server that stay, however old. Default 1000. */
  readonly definitions?: number;
}

/**
 * Definitions that servers showed are approved from the trail: they are no history. Those that are approved stay, and
 * the newest of each server; a server that makes up new ones all the time fills no database (security rule S33).
 */
const DEFINITION = 'tool.listed';
const DEFINITIONS_KEPT = 1_000;
/** A restored database is compared with the newest: these stay, however old. */
const CHANGE_SETS_KEPT = 100;

/** Whoever keeps events for less than the longest month has their rows removed: a month would be too long. */
const MONTH_MS = 31 * 86_400_000;

/**
 * Removes one batch of what is older than it is kept, on any number of replicas at once: each passes over rows that
 * somebody else has in hand. A month of events is dropped when all of it is older. What is not published yet stays.
 * @returns how many rows, a month counting as one; more may be left
 */
export async function forgetOld({
  database,
  statements,
  clock,
  logger,
  retentionMs,
  batch = 1_000,
  definitions = DEFINITIONS_KEPT,
}: Forgetting): Promise<number> {
  const before = new Date(clock() - retentionMs);
  const months = await dropOver({ statements, logger }, before.getTime());
  let events = 0;
  for (const { name, from, to } of await listPartitions(statements))
    if (from === undefined || to === undefined || (retentionMs < MONTH_MS && from < before.getTime()))
      events += await database.$executeRawUnsafe(
        `DELETE FROM "${name}" WHERE "sequence" = ANY (ARRAY(
          SELECT "sequence" FROM "${name}" WHERE "at" < $1 AND "type" <> $2
            ORDER BY "at" LIMIT $3 FOR UPDATE SKIP LOCKED))`,
        before,
        DEFINITION,
        batch,
      );
  const listed = await database.$executeRaw`
    DELETE FROM "Event" WHERE "sequence" = ANY (ARRAY(
      SELECT "sequence" FROM (
        SELECT "sequence", "at", "server", "body",
          row_number() OVER (PARTITION BY "server" ORDER BY "sequence" DESC) AS "place"
        FROM "Event" WHERE "type" = ${DEFINITION}) AS "definition"
      WHERE "place" > ${definitions} AND "at" < ${before} AND NOT EXISTS (
        SELECT FROM "ConfigurationDocument" AS "approved", jsonb_array_elements("approved"."spec"->'tools') AS "tool"
        WHERE "approved"."kind" = 'ApprovedTools' AND "approved"."name" = "definition"."server"
          AND "tool"->>'sha256' = "definition"."body"->'detail'->>'sha256')
      ORDER BY "sequence" LIMIT ${batch}))`;
  // Checkpoints stay; what says which of their events differs goes with the last of these.
  await database.$executeRaw`
    UPDATE "AuditCheckpoint" SET "entries" = NULL WHERE "number" = ANY (ARRAY(
      SELECT "number" FROM "AuditCheckpoint" AS "checkpoint"
      WHERE "entries" IS NOT NULL AND "at" < ${before} AND NOT EXISTS (
        SELECT FROM "Event" WHERE "sequence" > "checkpoint"."after" AND "sequence" <= "checkpoint"."upTo")
      ORDER BY "number" LIMIT ${batch} FOR UPDATE SKIP LOCKED))`;
  const changeSets = await database.$executeRaw`
    DELETE FROM "ConfigurationRevision" WHERE "revision" = ANY (ARRAY(
      SELECT "revision" FROM "ConfigurationRevision"
      WHERE "publishedAt" < ${before}
        AND "revision" <= (SELECT max("revision") FROM "ConfigurationRevision"
        WHERE "publishedAt" IS NOT NULL) - ${CHANGE_SETS_KEPT}
      ORDER BY "revision" LIMIT ${batch} FOR UPDATE SKIP LOCKED))`;
  return months + events + listed + changeSets;
}

/** A log stream that did not send all of a month is no reason to keep it, but it is said (decision 0062). */
async function dropOver(
  { statements, logger }: Pick<Forgetting, 'statements' | 'logger'>,
  before: number,
): Promise<number> {
  const month = await dropMonth(statements, { before, keep: DEFINITION });
  if (month === undefined) return 0;
  logger.info({ month: month.name }, 'a month of events is older than events are kept, and was dropped');
  for (const stream of month.behind)
    logger.warn({ stream, month: month.name }, 'events are gone that this log stream had not sent');
  return 1;
}
