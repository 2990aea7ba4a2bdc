import type { Database } from '@sallyport/database';
import type { Clock } from '@sallyport/kernel';

export interface Forgetting {
  readonly database: Pick<Database, '$executeRaw'>;
  readonly clock: Clock;
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

/**
 * Removes one batch of what is older than it is kept, on any number of replicas at once: each passes over rows that
 * somebody else has in hand. What is not published yet stays.
 * @returns how many rows; more may be left
 */
export async function forgetOld({
  database,
  clock,
  retentionMs,
  batch = 1_000,
  definitions = DEFINITIONS_KEPT,
}: Forgetting): Promise<number> {
  const before = new Date(clock() - retentionMs);
  const events = await database.$executeRaw`
    DELETE FROM "Event" WHERE "sequence" = ANY (ARRAY(
      SELECT "sequence" FROM "Event" WHERE "at" < ${before} AND "type" <> ${DEFINITION}
        ORDER BY "at" LIMIT ${batch} FOR UPDATE SKIP LOCKED))`;
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
  return events + listed + changeSets;
}
