import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from '@sallyport/database';
import { z } from 'zod';
import type { Stored } from './judge-events.js';

/** All that the store has, read on as it grows. */
export interface TrailFollower {
  /** In order of their sequence. */
  stored(): readonly Stored[];
  /** When an event was seen first, by its id; later than it was stored by {@link LOOK_MS} at most. */
  readonly storedAt: ReadonlyMap<string, number>;
  /** After a last look. */
  stop(): Promise<void>;
}

const LOOK_MS = 250;
const PAGE = 5_000;
const Rows = z.array(
  z.object({
    sequence: z.coerce.number(),
    id: z.string(),
    type: z.string(),
    traceId: z.string().nullable(),
    writer: z.string().nullable(),
    n: z.coerce.number().nullable(),
  }),
);

/** Sequences commit in order, so that nothing appears behind the last one that was seen. */
export function followTrail(database: Database): TrailFollower {
  const stored: Stored[] = [];
  const storedAt = new Map<string, number>();
  const readOn = async (): Promise<number> => {
    const rows = Rows.parse(
      await database.$queryRaw`
        SELECT "sequence"::text, "id", "type", "body"->>'traceId' AS "traceId", "body"->>'writer' AS "writer",
               "body"->>'n' AS "n"
        FROM "Event" WHERE "sequence" > ${stored.at(-1)?.sequence ?? 0} ORDER BY "Event"."sequence" LIMIT ${PAGE}`,
    );
    const seenAt = Date.now();
    for (const { traceId, writer, n, ...row } of rows) {
      stored.push({ ...row, traceId: traceId ?? undefined, writer: writer ?? undefined, n: n ?? undefined });
      storedAt.set(row.id, seenAt);
    }
    return rows.length;
  };
  let isStopped = false;
  const following = (async () => {
    while (!isStopped) {
      const read = await readOn().catch(() => 0); // the database may be away
      if (read < PAGE) await pause(LOOK_MS);
    }
    while ((await readOn().catch(() => 0)) === PAGE);
  })();
  return {
    stored: () => stored,
    storedAt,
    async stop() {
      isStopped = true;
      await following;
    },
  };
}
