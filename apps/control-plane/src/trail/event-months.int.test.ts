import type { AuditEvent } from '@sallyport/audit';
import { connectDatabase, connectStatements, migrateDeploy, type Database, type Statements } from '@sallyport/database';
import { startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readCounters } from './chain/store-counters.js';
import { dropMonth, listPartitions, makeMonths } from './event-months.js';
import { PostgresEventWriter } from './event-writer.js';
import { forgetOld } from './forget-old.js';

const DAY_MS = 86_400_000;
const MARCH = Date.UTC(2030, 2, 15);

let postgres: TestPostgres;
let database: Database;
let statements: Statements;
let warnings: object[];
const logger = { info: () => undefined, warn: (said: object) => void warnings.push(said) };
const open = async (options?: { before: string }) => {
  postgres = await startTestPostgres(options);
  database = connectDatabase(postgres.url);
  statements = connectStatements(postgres.url, 1);
  warnings = [];
};
const close = async () => {
  await statements.close();
  await database.$disconnect();
  await postgres.stop();
};
beforeEach(() => open());
afterEach(close);

const event = (id: string, at: number, more: Partial<AuditEvent> = {}): AuditEvent => ({
  ...{ id, type: 'token.issued', at, replica: 'authorization-server', detail: {} },
  ...more,
});
const append = (...events: readonly AuditEvent[]) =>
  new PostgresEventWriter({ statements, replica: 'control-plane', clock: Date.now }).append(events);
const makeAt = (now: number, by = statements) => makeMonths({ statements: by, clock: () => now });
const names = async () => (await listPartitions(statements)).map(({ name }) => name);
/** `[id, partition]`, in order of arrival. */
const places = async () =>
  (
    await database.$queryRaw<{ id: string; place: string }[]>`
      SELECT "id", replace(tableoid::regclass::text, '"', '') AS "place" FROM "Event" ORDER BY "sequence"`
  ).map(({ id, place }) => [id, place]);
const forget = (now: number, retentionMs: number) =>
  forgetOld({ database, statements, logger, clock: () => now, retentionMs });

test('months are made ahead, once, by however many control planes; what no month is made for is stored as well (R74)', async () => {
  const others = [1, 2, 3].map(() => connectStatements(postgres.url, 1));
  await Promise.all([...others, statements].map((by) => makeAt(MARCH, by)));
  await Promise.all(others.map((other) => other.close()));
  expect(await listPartitions(statements)).toEqual([
    { name: 'Event_2030_03', from: Date.UTC(2030, 2), to: Date.UTC(2030, 3) },
    { name: 'Event_2030_04', from: Date.UTC(2030, 3), to: Date.UTC(2030, 4) },
    { name: 'Event_2030_05', from: Date.UTC(2030, 4), to: Date.UTC(2030, 5) },
    { name: 'Event_default', from: undefined, to: undefined },
  ]);
  await append(
    event('evt_early', Date.UTC(2030, 2) - 1),
    event('evt_first', Date.UTC(2030, 2)),
    event('evt_last', Date.UTC(2030, 3) - 1),
    event('evt_next', Date.UTC(2030, 3)),
    event('evt_ahead', Date.UTC(2030, 5, 3)),
  );
  await makeAt(Date.UTC(2030, 3, 1));
  expect(await places()).toEqual([
    ['evt_early', 'Event_default'],
    ['evt_first', 'Event_2030_03'],
    ['evt_last', 'Event_2030_03'],
    ['evt_next', 'Event_2030_04'],
    ['evt_ahead', 'Event_2030_06'],
  ]);
});

test('months that end a year are followed by the first of the next (R74)', async () => {
  await makeAt(Date.UTC(2030, 11, 31, 23, 59, 59, 999));
  expect(await names()).toEqual(['Event_2030_12', 'Event_2031_01', 'Event_2031_02', 'Event_default']);
});

test('an event is stored once, however often and into whichever month it is delivered (R74)', async () => {
  await makeAt(MARCH);
  const numbered = event('evt_n', MARCH, { writer: 'authorization-server.000000000000', n: 1 });
  await append(numbered, event('evt_told', MARCH));
  // What several processes tell of by the same id has the time of each.
  await append(numbered, event('evt_told', Date.UTC(2030, 3, 2)), event('evt_told', Date.UTC(2030, 7)));
  expect((await places()).map(([id]) => id)).toEqual(['evt_n', 'evt_told']);
  await expect(
    database.$executeRaw`INSERT INTO "Event" ("id", "type", "at", "body") SELECT "id", "type", "at", "body" FROM "Event"`,
  ).rejects.toThrow(/unique/i);
});

test('a month is dropped when all of it is older than events are kept; definitions of tools outlive it (S33, S14)', async () => {
  await makeAt(MARCH);
  await append(
    event('evt_march', Date.UTC(2030, 2, 31)),
    event('tool_1', Date.UTC(2030, 2, 31), { type: 'tool.listed', server: 'notes' }),
    event('evt_april', Date.UTC(2030, 3, 1)),
  );
  await database.logStreamCursor.createMany({
    data: [
      { stream: 'behind', sequence: 1n },
      { stream: 'done', sequence: 2n },
    ],
  });
  expect(await forget(Date.UTC(2030, 3) + 90 * DAY_MS - 1, 90 * DAY_MS)).toBe(0);
  expect(await forget(Date.UTC(2030, 3) + 90 * DAY_MS, 90 * DAY_MS)).toBe(1);
  expect(await places()).toEqual([
    ['tool_1', 'Event_default'],
    ['evt_april', 'Event_2030_04'],
  ]);
  expect(warnings).toEqual([{ stream: 'behind', month: 'Event_2030_03' }]);
  expect(await forget(Date.UTC(2030, 3) + 90 * DAY_MS, 90 * DAY_MS)).toBe(0);
});

test('who keeps events for less than a month has no older one, in no partition (S33)', async () => {
  await makeAt(MARCH);
  await append(
    event('evt_outside', MARCH - 80 * DAY_MS),
    event('evt_old', MARCH - 8 * DAY_MS),
    event('evt_new', MARCH - 6 * DAY_MS),
  );
  expect(await forget(MARCH, 7 * DAY_MS)).toBe(2);
  expect((await places()).map(([id]) => id)).toEqual(['evt_new']);
});

test('who reads events for long keeps a month from being dropped, and nobody else from reading and storing (S34)', async () => {
  await makeAt(MARCH);
  await append(event('evt_1', MARCH));
  const reader = connectStatements(postgres.url, 1);
  await reader.transaction(async (query) => {
    await query({ text: 'SELECT count(*) FROM "Event"', values: [] });
    const dropping = dropMonth(statements, { before: Date.UTC(2030, 3), keep: 'tool.listed' });
    await expect(dropping).rejects.toMatchObject({ code: '55P03' });
    await append(event('evt_2', MARCH));
  });
  await reader.close();
  expect((await places()).map(([id]) => id)).toEqual(['evt_1', 'evt_2']);
  expect(await dropMonth(statements, { before: Date.UTC(2030, 3), keep: 'tool.listed' })).toMatchObject({
    name: 'Event_2030_03',
  });
});

test('what a deployment stored before there were months stays, in order, under the identity that its checkpoints name (B13)', async () => {
  await close();
  await open({ before: '20261130234000_event_months' });
  const far = Date.now() + 400 * DAY_MS;
  await database.$executeRaw`
    INSERT INTO "Event" ("id", "type", "at", "userId", "body")
    SELECT 'evt_' || i, 'token.issued', CASE i WHEN 2 THEN to_timestamp(${far}::float8 / 1000) ELSE now() END, 'usr_1', '{}'
    FROM generate_series(1, 3) AS i`;
  const [{ oid } = { oid: 0 }] = await database.$queryRaw<{ oid: number }[]>`SELECT '"Event"'::regclass::oid AS oid`;
  await migrateDeploy(postgres.url);
  await makeAt(Date.now());
  expect(await names()).toHaveLength(4); // this month is not made: it has the table of before
  await append(event('evt_4', Date.now()));
  expect(await places()).toEqual([
    ['evt_1', 'Event_before'],
    ['evt_2', 'Event_default'],
    ['evt_3', 'Event_before'],
    ['evt_4', 'Event_before'],
  ]);
  expect((await statements.transaction(readCounters)).identity.endsWith(`.${oid}`)).toBe(true);
  // Its rows go one by one: some are older than others by years.
  expect(await forget(Date.now() + 91 * DAY_MS, 90 * DAY_MS)).toBeGreaterThanOrEqual(3);
  expect((await places()).map(([id]) => id)).toEqual(['evt_2']);
});
