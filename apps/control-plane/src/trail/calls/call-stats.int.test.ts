import type { CallStatsQuery } from '@sallyport/admin-api/events';
import type { AuditEvent } from '@sallyport/audit';
import { connectDatabase, connectStatements, type Database, type Statements } from '@sallyport/database';
import { startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { PostgresEventWriter } from '../event-writer.js';
import { readCallStats } from './call-stats.js';
import { forgetCounts } from './forget-counts.js';

const NOON = Date.UTC(2030, 2, 15, 12);
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

let postgres: TestPostgres;
let database: Database;
let pools: Statements[];
beforeAll(async () => {
  postgres = await startTestPostgres();
  database = connectDatabase(postgres.url);
  pools = [connectStatements(postgres.url, 1), connectStatements(postgres.url, 1)];
});
beforeEach(async () => {
  await database.event.deleteMany();
  await database.callCount.deleteMany();
  await database.callSeries.deleteMany();
});
afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.close()));
  await database.$disconnect();
  await postgres.stop();
});

let now = NOON;
const writer = (at = 0) => {
  const statements = pools[at];
  if (statements === undefined) throw new RangeError('no such pool');
  return new PostgresEventWriter({ statements, replica: `control-plane-${at}`, clock: () => now });
};
let last = 0;
const call = (more: Partial<AuditEvent> & { durationMs?: number } = {}): AuditEvent => {
  const { durationMs = 100, ...event } = more;
  const n = ++last;
  return {
    ...{ id: `evt_${n}.response`, type: 'mcp.response', at: NOON, replica: 'gateway-1', writer: 'gateway-1.0', n },
    ...{ clientId: 'claude', server: 'notes', tool: 'get_note', outcome: 'success', detail: { durationMs } },
    ...event,
  };
};
const calls = (count: number, more: Parameters<typeof call>[0] = {}) => Array.from({ length: count }, () => call(more));
const read = (query: Partial<CallStatsQuery> = {}) =>
  readCallStats(database, {
    ...{ from: new Date(NOON).toISOString(), to: new Date(NOON + 10 * MINUTE_MS).toISOString(), limit: 20 },
    ...query,
  });
/** `[group, calls, failures, denied]` of each row. */
const counted = async (query: Partial<CallStatsQuery>) =>
  (await read(query)).stats.map(({ calls: all, failures, denied, ...stat }) => [
    stat.clientId ?? `${stat.server}${stat.tool === undefined ? '' : `::${stat.tool}`}`,
    ...[all, failures, denied],
  ]);

test('calls are counted where they are stored, those that are delivered again not, by two control planes at once (R77, R74)', async () => {
  const [one, other] = [writer(0), writer(1)];
  const batches = Array.from({ length: 40 }, () => calls(25));
  // Each batch twice, at one and at the other, in an order of chance, and one event twice in its batch.
  await Promise.all(
    batches.flatMap((batch) => [one.append([...batch, ...batch.slice(0, 1)]), other.append(batch), one.append(batch)]),
  );
  const { stats } = await read();
  expect(stats).toMatchObject([{ calls: 1_000, perSecond: 1.667, failures: 0, denied: 0, pending: 0 }]);
  expect(await database.event.count()).toBe(1_000);
  expect(await database.callCount.aggregate({ _sum: { calls: true } })).toEqual({ _sum: { calls: 2_000 } });
});

test('what is not stored is not counted (R77)', async () => {
  const [first] = pools;
  const breaking: Statements = {
    close: () => Promise.resolve(),
    transaction: (work) =>
      first?.transaction(async (query) => {
        await work(query);
        throw new Error('broken off');
      }) ?? Promise.reject(new RangeError()),
  };
  const broken = new PostgresEventWriter({ statements: breaking, replica: 'control-plane', clock: () => now });
  const batch = calls(3);
  await expect(broken.append(batch)).rejects.toThrow('broken off');
  expect((await read()).stats).toEqual([]);
  await writer().append(batch);
  expect((await read()).stats).toMatchObject([{ calls: 3 }]);
});

test('only answers are counted, by agent, server, tool and outcome, and filters leave out the rest (R77)', async () => {
  await writer().append([
    ...calls(5),
    ...calls(2, { outcome: 'failure' }),
    ...calls(3, { clientId: 'cursor', server: 'tickets', tool: 'close', outcome: 'denied' }),
    { ...call({ clientId: undefined, server: undefined, tool: undefined, outcome: 'denied' }) },
    { ...call(), id: 'evt_request', type: 'mcp.request' },
    call({ at: NOON - 1 }),
    call({ at: NOON + 10 * MINUTE_MS }),
  ]);
  expect(await counted({ by: 'agent' })).toEqual([
    ['claude', 7, 2, 0],
    ['cursor', 3, 0, 3],
    ['', 1, 0, 1],
  ]);
  expect(await counted({ by: 'tool' })).toEqual([
    ['notes::get_note', 7, 2, 0],
    ['tickets::close', 3, 0, 3],
    ['::', 1, 0, 1],
  ]);
  expect(await counted({ by: 'server', outcome: 'denied' })).toEqual([
    ['tickets', 3, 0, 3],
    ['', 1, 0, 1],
  ]);
  expect(await counted({ by: 'agent', server: 'notes', tool: 'get_note' })).toEqual([['claude', 7, 2, 0]]);
  expect(await counted({ by: 'server', clientId: 'cursor' })).toEqual([['tickets', 3, 0, 3]]);
  expect(await read({ by: 'agent', limit: 2 })).toMatchObject({ stats: [{ calls: 7 }, { calls: 3 }], isCut: true });
  expect(await read({ by: 'agent', limit: 3 })).toMatchObject({ isCut: false });
});

test('latencies are told from buckets, each at most 12 percent off (R77)', async () => {
  await writer().append(Array.from({ length: 1_000 }, (_, i) => call({ durationMs: i + 1 })));
  const [stat] = (await read()).stats;
  for (const [told, measured] of [
    [stat?.p50Ms, 500],
    [stat?.p95Ms, 950],
    [stat?.p99Ms, 990],
  ] as const)
    expect(Math.abs((told ?? 0) / measured - 1)).toBeLessThan(0.125);
});

test('steps are of minutes for a short time and of hours for a long one, and both say the same of it (R77)', async () => {
  await writer().append([
    ...calls(4),
    ...calls(2, { at: NOON + MINUTE_MS }),
    ...calls(3, { at: NOON + 61 * MINUTE_MS, server: 'tickets' }),
  ]);
  const day = { from: new Date(NOON - DAY_MS).toISOString(), to: new Date(NOON + DAY_MS / 2).toISOString() };
  const steps = async (query: Partial<CallStatsQuery>) =>
    (await read(query)).stats.map(({ at, calls: all }) => [at?.slice(8, 16), all]);
  expect(await steps({ step: '1m' })).toEqual([
    ['15T12:00', 4],
    ['15T12:01', 2],
  ]);
  expect(await steps({ ...day, step: '1h' })).toEqual([
    ['15T12:00', 6],
    ['15T13:00', 3],
  ]);
  expect(await steps({ ...day, step: '1d' })).toEqual([['15T00:00', 9]]);
  expect(await read({ ...day, to: new Date(NOON + 1).toISOString() })).toMatchObject({
    to: new Date(NOON + 60 * MINUTE_MS).toISOString(),
    stats: [{ calls: 6 }],
  });
});

test('counts of minutes are kept for a week, of hours for half a year (S33)', async () => {
  await writer().append(calls(3));
  now = NOON + 8 * DAY_MS;
  await writer().append(calls(1, { at: now, tool: 'other' }));
  const spans = async () =>
    (await database.callCount.findMany({ orderBy: [{ spanSeconds: 'asc' }, { at: 'asc' }] })).map(
      ({ spanSeconds, calls: all }) => [spanSeconds, all],
    );
  expect(await forgetCounts(database, () => NOON + 8 * DAY_MS)).toBe(1);
  expect(await spans()).toEqual([
    [60, 1],
    [3600, 3],
    [3600, 1],
  ]);
  expect(await forgetCounts(database, () => NOON + 184 * DAY_MS)).toBe(2);
  expect(await spans()).toEqual([[3600, 1]]);
  expect(await forgetCounts(database, () => NOON + 185 * DAY_MS)).toBe(1);
  expect(await database.callSeries.findMany()).toMatchObject([{ tool: 'other' }]);
  await forgetCounts(database, () => NOON + 192 * DAY_MS);
  await forgetCounts(database, () => NOON + 193 * DAY_MS);
  expect([await spans(), await database.callSeries.count()]).toEqual([[], 0]);
});
