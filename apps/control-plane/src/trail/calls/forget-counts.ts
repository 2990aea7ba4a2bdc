import type { Database } from '@sallyport/database';
import type { Clock } from '@sallyport/kernel';
import { SPANS } from './call-counter.js';

const DAY_MS = 86_400_000;
/** How long counts are kept: of minutes as long as somebody looks into an incident, of hours half a year. */
export const KEPT_MS = { minute: 7 * DAY_MS, hour: 183 * DAY_MS } as const;
const BATCH = 5_000;

/** Removes one batch of counts that are older than they are kept. @returns how many rows; more may be left */
export async function forgetCounts(database: Pick<Database, '$executeRaw'>, clock: Clock): Promise<number> {
  let removed = 0;
  for (const span of ['minute', 'hour'] as const) {
    const before = new Date(clock() - KEPT_MS[span]);
    removed += await database.$executeRaw`
      DELETE FROM "CallCount" WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM "CallCount" WHERE "spanSeconds" = ${SPANS[span]}::smallint AND "at" < ${before}
        ORDER BY "at" LIMIT ${BATCH} FOR UPDATE SKIP LOCKED))`;
  }
  // The counts of a series are about as old as its use; a day later it has none.
  const before = new Date(clock() - KEPT_MS.hour - DAY_MS);
  return removed + (await database.$executeRaw`DELETE FROM "CallSeries" WHERE "usedAt" < ${before}`);
}
