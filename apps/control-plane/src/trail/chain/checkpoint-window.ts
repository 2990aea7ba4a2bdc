import { eventDigest, UNNUMBERED, type ChainEntry } from '@sallyport/audit-chain';
import { z } from 'zod';

/** Events that one window holds at most. */
export const MOST_EVENTS = 2_000;
/** As many are sealed at once, however new they are. */
export const ENOUGH_EVENTS = 1_000;
/** Of one writer in one window: a checkpoint is a short text. */
const MOST_JUMPS = 24;

/** Event, and its body where nobody computed its digest when it was stored. */
const Row = z.object({
  sequence: z.coerce.number(),
  type: z.string(),
  writer: z.string().nullable(),
  n: z.coerce.number().nullable(),
  at: z.coerce.number(),
  digest: z.instanceof(Buffer).nullable(),
  body: z.record(z.string(), z.json()).nullable(),
});
export const Rows = z.array(Row);

export const NEXT_EVENTS = `
  SELECT "sequence", "type", "body"->>'writer' AS "writer", ("body"->>'n')::bigint AS "n",
         ("body"->>'at')::bigint AS "at", "digest", CASE WHEN "digest" IS NULL THEN "body" END AS "body"
  FROM "Event" WHERE "sequence" > $1::bigint ORDER BY "sequence" LIMIT ${MOST_EVENTS}`;

export interface CheckpointWindow {
  readonly upTo: number;
  /** By writer, in order of arrival. */
  readonly writers: ReadonlyMap<string, readonly ChainEntry[]>;
  /** Something arrived besides what tells of checkpoints: those prove themselves. */
  readonly isWorthSealing: boolean;
  readonly count: number;
}

/** What arrived, up to where one writer jumps about in its numbers more often than a checkpoint names. */
export function windowOf(rows: z.infer<typeof Rows>): CheckpointWindow | undefined {
  const writers = new Map<string, ChainEntry[]>();
  const jumps = new Map<string, number>();
  let [upTo, count, isWorthSealing] = [-1, 0, false];
  for (const { sequence, type, at, digest, body, ...row } of rows) {
    const isNumbered = row.writer !== null && row.n !== null;
    const [writer, n] = isNumbered ? [row.writer ?? '', row.n ?? 0] : [UNNUMBERED, sequence];
    const entries = writers.get(writer) ?? [];
    const last = entries.at(-1)?.n;
    const jumped = (jumps.get(writer) ?? 0) + (last === undefined || n === last || n === last + 1 ? 0 : 1);
    if (jumped > MOST_JUMPS) break;
    jumps.set(writer, jumped);
    entries.push({ sequence, n, at, digest: digest ?? eventDigest(body ?? {}) });
    writers.set(writer, entries);
    isWorthSealing ||= type !== 'audit.checkpoint';
    [upTo, count] = [sequence, count + 1];
  }
  return count === 0 ? undefined : { upTo, writers, isWorthSealing, count };
}
