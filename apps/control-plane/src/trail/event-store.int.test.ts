import { connectDatabase, type Database } from '@sallyport/database';
import { startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EventFilter } from '@sallyport/admin-api/events';
import { whereOf } from './event-filter.js';
import { PostgresEventStore } from './event-store.js';

let postgres: TestPostgres;
let database: Database;
let store: PostgresEventStore;
beforeAll(async () => {
  postgres = await startTestPostgres();
  database = connectDatabase(postgres.url, 10, 300_000);
  store = new PostgresEventStore(database);
  // Nearly all events are of calls: 40,000 of them, and every 500th something else.
  await database.$executeRaw`
    INSERT INTO "Event" ("id", "type", "at", "userId", "clientId", "sid", "server", "body")
    SELECT 'evt_' || i, made.type, now(), 'usr_' || (call % 100), 'agent-' || (call % 7), 'ses_' || (call % 700),
      'server-' || (call % 20), jsonb_build_object('id', 'evt_' || i, 'type', made.type, 'at', i, 'replica', 'r',
        'tool', 'tool_' || (call % 20), 'traceId', md5(call::text),
        'outcome', CASE WHEN i % 1000 = 7 THEN 'denied' ELSE 'success' END, 'detail', jsonb_build_object(
          'policies', jsonb_build_object('gatewayToServer', 'policy-' || (call % 20))))
    FROM generate_series(1, 40000) AS i, LATERAL (SELECT i / 2 AS call, CASE
      WHEN i % 500 = 0 THEN 'user.signed_out' WHEN i % 2 = 0 THEN 'mcp.response' ELSE 'mcp.request' END AS type) AS made`;
  await database.$executeRawUnsafe('VACUUM (ANALYZE) "Event"');
});
afterAll(async () => {
  await database.$disconnect();
  await postgres.stop();
});

/** How many rows PostgreSQL looked at for what it answered. */
async function looksAt(where: string): Promise<number> {
  const [row] = await database.$queryRawUnsafe<{ 'QUERY PLAN': [{ Plan: PlanNode }] }[]>(
    `EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM "Event" WHERE ${where} ORDER BY "sequence" DESC LIMIT 50`,
  );
  return row === undefined ? Number.NaN : seenBy(row['QUERY PLAN'][0].Plan);
}
interface PlanNode {
  readonly 'Actual Rows': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly PlanNode[];
}
const seenBy = (node: PlanNode): number =>
  Math.max(
    node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0),
    ...(node.Plans ?? []).map((inner) => seenBy(inner)),
  );

describe('the trail is asked for', () => {
  test.each([
    ['what is rare', `"type" = 'user.signed_out'`, 80],
    ['what never happened', `"type" = 'vault_key.removed'`, 0],
    ['calls', `"type" = 'mcp.request'`, 200],
    ['one user', `"userId" = 'usr_7'`, 400],
    ['the calls of one user', `"userId" = 'usr_7' AND "type" = 'mcp.response'`, 400],
  ])('%s, and PostgreSQL looks at little else (R77)', async (_what, where, most) => {
    expect(await looksAt(where)).toBeLessThanOrEqual(most);
  });
  const seenFor = async (by: Pick<Database, '$queryRaw'>, filter: EventFilter) => {
    const [row] = await by.$queryRaw<{ 'QUERY PLAN': [{ Plan: PlanNode }] }[]>`
      EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM "Event" WHERE ${whereOf(filter)} ORDER BY "sequence" DESC LIMIT 50`;
    return row && seenBy(row['QUERY PLAN'][0].Plan);
  };
  test.each<[EventFilter, number]>([
    [{ outcome: ['pending'] }, 0],
    [{ outcome: ['denied', 'failure'] }, 100],
    [{ type: ['token.*', 'user.*'] }, 80],
  ])('%j, and PostgreSQL looks at little else (R77)', async (filter, most) => {
    expect(await seenFor(database, filter)).toBeLessThanOrEqual(most);
  });
  test.each<EventFilter>([
    { clientId: 'none' },
    { sid: 'none' },
    { server: 'none' },
    { tool: 'none' },
    { traceId: 'none' },
    { policy: 'none' },
  ])('%j, and the index by filters says where it cannot be (R77)', async (filter) => {
    const seen = await database.$transaction(async (transaction) => {
      // A trail as small as this is read as a whole.
      await transaction.$executeRaw`SET LOCAL enable_seqscan = off`;
      await transaction.$executeRaw`SET LOCAL enable_indexscan = off`;
      return seenFor(transaction, filter);
    });
    // A bloom filter is wrong about one stretch of pages in a hundred.
    expect(seen).toBeLessThanOrEqual(4_000);
  });
  test('by type, and answers with all there are of it, page by page (R77)', async () => {
    for (const [type, count] of [
      ['user.signed_out', 80],
      ['mcp.request', 20_000],
    ] as const) {
      let [seen, before] = [0, undefined as bigint | undefined];
      for (;;) {
        const page = await store.list({ type: [type], before, limit: 5_000 });
        expect(page.every((event) => event.type === type)).toBe(true);
        seen += page.length;
        const last = page.at(-1);
        if (last === undefined) break;
        before = BigInt(last.sequence);
      }
      expect(seen).toBe(count);
    }
  });
  test('writing an event of a call writes to no index by type', async () => {
    const [row] = await database.$queryRaw<{ entries: number }[]>`
      SELECT sum(reltuples)::int AS entries FROM pg_class WHERE relname LIKE 'Event!_%!_type!_sequence!_idx' ESCAPE '!'`;
    expect(row?.entries).toBeGreaterThan(0);
    expect(row?.entries).toBeLessThan(1_000);
  });
});
