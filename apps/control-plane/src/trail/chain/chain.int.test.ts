import { randomBytes } from 'node:crypto';
import type { AuditEvent } from '@sallyport/audit';
import { ChainVerifier } from '@sallyport/audit-chain';
import { connectDatabase, connectStatements, type Database } from '@sallyport/database';
import { Secret } from '@sallyport/kernel';
import { Sealer } from '@sallyport/keys';
import { createLogger } from '@sallyport/telemetry';
import { startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PostgresEventStore } from '../event-store.js';
import { PostgresEventWriter } from '../event-writer.js';
import { forgetOld } from '../forget-old.js';
import { AuditKeys } from './audit-keys.js';
import { CheckpointMaker } from './checkpoint-maker.js';
import { readCounters } from './store-counters.js';
import { verifyStored } from './verify-stored.js';

const GATEWAY = 'gateway-1.000000000001';
const AT = Date.UTC(2026, 10, 30);
const DAY_MS = 86_400_000;

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres.stop());

/** A store with its writer and its maker, and a clock that stands. */
function openStore(url: string, sealer: Sealer) {
  const database = connectDatabase(url);
  const [appends, statements] = [connectStatements(url, 1), connectStatements(url, 1)];
  const lines: string[] = [];
  const logger = createLogger({
    name: 'test',
    level: 'info',
    destination: { write: (line: string) => void lines.push(line) },
  });
  const events = new PostgresEventWriter({ statements: appends, replica: 'control-plane', clock: Date.now });
  const keys = new AuditKeys({
    database,
    sealer,
    name: 'control.example/audit',
    record: ({ type, detail }) =>
      events.append([{ id: `evt_${Math.random()}`, type, at: AT, replica: 'control-plane', detail: detail ?? {} }]),
  });
  const clock = { now: AT + DAY_MS };
  const maker = () =>
    new CheckpointMaker({
      ...{ statements, keys, events, replica: 'control-plane', clock: () => clock.now },
      ...{ retentionMs: 90 * DAY_MS, logger, intervalMs: 0 },
    });
  return {
    ...{ database, statements, events, keys, clock, lines, logger, maker },
    verify: (after = 0n, limit = 100) => verifyStored({ database, statements, keys }, { after, limit }),
    async close() {
      await Promise.all([appends.close(), statements.close(), database.$disconnect()]);
    },
  };
}
type Store = ReturnType<typeof openStore>;

const record = (n: number, more: Partial<AuditEvent> = {}): AuditEvent => ({
  ...{
    id: `evt_${n}`,
    type: 'token.issued',
    at: AT + n,
    replica: 'gateway-1',
    writer: GATEWAY,
    n,
    detail: { size: n / 7 },
  },
  ...more,
});
const call = (n: number): AuditEvent[] => [
  record(n, { id: `evt_${n}.request`, type: 'mcp.request' }),
  record(n, { id: `evt_${n}.response`, type: 'mcp.response' }),
];

/** Another database of the same server. */
function urlOf(database: string): string {
  const url = new URL(postgres.url);
  url.pathname = `/${database}`;
  return url.toString();
}

let sealer: Sealer;
let store: Store;
const wipe = async ({ database }: { database: Database }) => {
  await database.event.deleteMany();
  await database.auditCheckpoint.deleteMany();
  await database.auditKey.deleteMany();
};
beforeEach(async () => {
  sealer = new Sealer(new Secret(randomBytes(32)));
  store = openStore(postgres.url, sealer);
  await wipe(store);
});
afterEach(() => store.close());

/** Three windows of calls and steps, numbers 1 to 30. */
async function fill({ events, maker }: Store): Promise<void> {
  const one = maker();
  for (const first of [1, 11, 21]) {
    const numbers = Array.from({ length: 10 }, (_, index) => first + index);
    await events.append(numbers.flatMap((n) => (n % 2 === 0 ? call(n) : [record(n)])));
    await one.makeDue();
  }
}
const sql = (text: string) => store.database.$executeRawUnsafe(text);
const ofCall = `"id" = 'evt_16.response'`;

describe('the stored trail', () => {
  test('is proved event by event, over several pieces as in one, and what tells of checkpoints alone makes none (B13)', async () => {
    await fill(store);
    const whole = await store.verify();
    expect(whole).toMatchObject({ findings: [], before: 0, dropped: 0, isDone: true });
    // Calls have two events; a key was made; of each window two writers' checkpoints are told, the last of them unsealed.
    expect(whole.events + whole.after).toBe(await store.database.event.count());
    let [after, events, pieces] = [0n, 0, 0];
    for (let isDone = false; !isDone; pieces++) {
      const piece = await store.verify(after, 1);
      expect(piece.findings).toEqual([]);
      [after, events, isDone] = [BigInt(piece.last?.number ?? 0), events + piece.events, piece.isDone];
    }
    expect(events).toBe(whole.events);
    expect(pieces).toBeGreaterThan(2);
    const made = await store.database.auditCheckpoint.count();
    for (let i = 0; i < 3; i++) expect(await store.maker().makeDue()).toBe(0);
    expect(await store.database.auditCheckpoint.count()).toBe(made);
  });
  test('is verified as it was when that began: a checkpoint that is made meanwhile is none that is gone (B13)', async () => {
    await fill(store);
    const { database, statements, keys, events, maker } = store;
    const meanwhile = { ...database.auditCheckpoint };
    meanwhile.findMany = ((query: Parameters<typeof database.auditCheckpoint.findMany>[0]) =>
      database.auditCheckpoint.findMany(query).then(async (rows) => {
        await events.append([record(31 + rows.length)]);
        await maker().makeDue();
        return rows;
      })) as typeof meanwhile.findMany;
    const context = { database: { event: database.event, auditCheckpoint: meanwhile }, statements, keys };
    expect(await verifyStored(context, { after: 0n, limit: 100 })).toMatchObject({ findings: [] });
  });
  test('has events of before its chain, which it says, and what a control plane of an older version stores is sealed (B13)', async () => {
    const older = (id: string) =>
      sql(`INSERT INTO "Event" ("id", "type", "at", "body") VALUES ('${id}', 'token.issued', now(),
        '{"id": "${id}", "type": "token.issued", "at": 1, "replica": "r", "detail": {}}')`);
    await older('evt_before');
    await fill(store);
    await older('evt_meanwhile');
    await store.maker().makeDue();
    expect(await store.verify()).toMatchObject({ findings: [], before: 1 });
    await sql(`UPDATE "Event" SET "body" = "body" || '{"userId": "usr_x"}' WHERE "id" = 'evt_meanwhile'`);
    expect((await store.verify()).findings).toMatchObject([{ kind: 'changed', id: 'evt_meanwhile' }]);
  });
  test.each([
    ['edited', `UPDATE "Event" SET "body" = jsonb_set("body", '{detail,size}', '1') WHERE ${ofCall}`, 'changed'],
    [
      'edited with its digest',
      `UPDATE "Event" SET "body" = "body" || '{"userId": "usr_x"}', "digest" = sha256('x') WHERE ${ofCall}`,
      'changed',
    ],
    ['removed', `DELETE FROM "Event" WHERE ${ofCall}`, 'removed'],
  ])('names the event that was %s (B13)', async (_what, tamper, kind) => {
    await fill(store);
    await sql(tamper);
    expect((await store.verify()).findings).toMatchObject([{ kind, writer: GATEWAY, n: 16, at: AT + 16 }]);
  });
  test('names an event that was added, and events that changed places (B13)', async () => {
    await fill(store);
    await sql(`UPDATE "Event" SET "sequence" = -"sequence" WHERE "id" IN ('evt_13', 'evt_15')`);
    await sql(`UPDATE "Event" a SET "sequence" = -b."sequence" FROM "Event" b
      WHERE (a."id", b."id") IN (('evt_13', 'evt_15')) AND a."sequence" < 0`);
    await sql(`UPDATE "Event" a SET "sequence" = (SELECT min(s) FROM generate_series(1, 10000) s
      WHERE s > (SELECT "sequence" FROM "Event" WHERE "id" = 'evt_12.response') AND NOT EXISTS (SELECT FROM "Event" WHERE "sequence" = s))
      WHERE a."id" = 'evt_15'`);
    const { findings } = await store.verify();
    expect(findings.map(({ kind }) => kind)).toEqual(['reordered', 'reordered']);
    expect(new Set(findings.map(({ n }) => n))).toEqual(new Set([13, 15]));
    await wipe(store);
    await fill(store);
    const last = await store.database.event.findFirstOrThrow({ where: { id: 'evt_10.response' } });
    await store.database.event.deleteMany({ where: { sequence: last.sequence + 1n } });
    const made = record(31, { id: 'evt_made' });
    await store.database.event.create({
      data: { id: made.id, type: made.type, at: new Date(), body: made, sequence: last.sequence + 1n },
    });
    expect((await store.verify()).findings.map(({ kind }) => kind)).toContain('changed');
  });
  test('is missed where its end was cut off, up to the last checkpoint, and where a checkpoint was (B13)', async () => {
    await fill(store);
    await sql(`DELETE FROM "Event" WHERE ("body"->>'n')::int > 25 AND "body"->>'writer' = '${GATEWAY}'`);
    expect((await store.verify()).findings[0]).toMatchObject({ kind: 'removed', writer: GATEWAY, n: 26 });
    await wipe(store);
    await fill(store);
    await sql(`DELETE FROM "AuditCheckpoint" WHERE "number" = 2`);
    expect((await store.verify()).findings).toMatchObject([{ kind: 'checkpoint-removed', checkpoint: 2 }]);
  });
  test('takes no checkpoint of anybody else, nor a key that only the table has (B13)', async () => {
    await fill(store);
    const other = openStore(postgres.url, new Sealer(new Secret(randomBytes(32))));
    const [row] = await store.database.auditCheckpoint.findMany({ where: { number: 3 } });
    const note = (row?.note ?? '').replace(/^events \d+$/m, 'events 1');
    await store.database.auditCheckpoint.update({ where: { number: 3 }, data: { note } });
    expect((await store.verify()).findings[0]).toMatchObject({ kind: 'checkpoint-refused', checkpoint: 3 });
    await sql(`INSERT INTO "AuditKey" ("id", "name", "sealedPrivate") VALUES ('k', 'control.example/audit', 'x')`);
    await expect(store.keys.all()).rejects.toMatchObject({ code: 'sealed_value_invalid' });
    await expect(other.keys.all()).rejects.toMatchObject({ code: 'sealed_value_invalid' });
    await other.close();
  });
  test('goes on under a new key, and what the older one signed stays proved (B13)', async () => {
    await fill(store);
    await store.keys.rotate();
    await store.events.append([record(31)]);
    await store.maker().makeDue();
    expect(await store.verify()).toMatchObject({ findings: [] });
    expect(await store.keys.all()).toHaveLength(2);
  });
});

test('events that are older than they are kept go, checkpoints stay, and nothing is found (B13)', async () => {
  await fill(store);
  store.clock.now = AT + 91 * DAY_MS;
  await store.events.append([record(31, { at: AT + 91 * DAY_MS })]);
  await store.maker().makeDue();
  const retentionMs = 90 * DAY_MS;
  const { database, statements, logger } = store;
  while ((await forgetOld({ database, statements, logger, clock: () => store.clock.now, retentionMs })) > 0);
  const report = await store.verify();
  expect(report.findings).toEqual([]);
  expect(report.dropped).toBeGreaterThan(40);
  await sql(`DELETE FROM "Event" WHERE "id" = 'evt_31'`);
  expect((await store.verify()).findings).toMatchObject([{ kind: 'removed', n: 31 }]);
  // Nobody but who signs says how long events are kept.
  await store.events.append([record(32, { at: AT + 91 * DAY_MS })]);
  await store.maker().makeDue();
  await sql(`UPDATE "AuditCheckpoint"
    SET "note" = regexp_replace("note", 'keeps-from .*Z', 'keeps-from 2999-01-01T00:00:00.000Z')
    WHERE "number" = (SELECT max("number") FROM "AuditCheckpoint")`);
  const found = (await store.verify()).findings.map(({ kind }) => kind);
  // The trail tells of that checkpoint as well.
  expect(found).toEqual(['removed', 'checkpoint-refused', 'cut-off']);
});

test('records that never arrive are told of, once, and those that come late are not (B13)', async () => {
  const maker = store.maker();
  await store.events.append([record(1), record(4), record(7)]);
  await maker.makeDue();
  await store.events.append([record(3)]);
  await maker.makeDue();
  const missing = () =>
    store.database.event.findMany({ where: { type: 'audit.records_missing' }, orderBy: { sequence: 'asc' } });
  expect(await missing()).toEqual([]);
  store.clock.now += 61_000;
  for (const one of [maker, store.maker()]) {
    await one.makeDue();
    store.clock.now += 61_000;
    await one.makeDue();
  }
  expect((await missing()).map(({ body }) => (body as AuditEvent).detail)).toEqual([
    { ofWriter: GATEWAY, first: 2, last: 2 },
    { ofWriter: GATEWAY, first: 5, last: 6 },
  ]);
});

test('of several control planes one at a time makes checkpoints, and the chain is one (B13)', async () => {
  const makers = [store.maker(), store.maker(), store.maker()];
  for (let n = 1; n <= 30; n++) {
    await store.events.append(call(n));
    await Promise.all(makers.map((maker) => maker.makeDue()));
  }
  await store.maker().makeDue();
  expect((await store.verify()).findings).toEqual([]);
});

describe('a store that ends before checkpoints that are known', () => {
  /** What an operator has: copies of checkpoints, for example of a log stream, and the store as it is now. */
  async function compareWith(known: readonly string[], { database, statements, keys }: Store) {
    const verifier = new ChainVerifier({
      keys: await keys.all(),
      known,
      store: await statements.transaction((query) => readCounters(query)),
    });
    const events = await new PostgresEventStore(database).list({ after: 0n, limit: 1_000 });
    const rows = await database.auditCheckpoint.findMany({ orderBy: { number: 'asc' } });
    for (const row of rows) {
      while (events[0] !== undefined && BigInt(events[0].sequence) <= row.upTo) verifier.event({ ...events.shift() });
      verifier.checkpoint({ note: row.note, entries: row.entries ?? undefined });
    }
    for (const event of events) verifier.event({ ...event });
    return verifier.end().findings;
  }
  const notes = async () =>
    (await store.database.auditCheckpoint.findMany({ orderBy: { number: 'asc' } })).map(({ note }) => note);

  test('is a restored backup where it is a copy of an earlier time, and was cut off where it is not (B13)', async () => {
    await fill(store);
    const name = new URL(postgres.url).pathname.slice(1);
    const copy = `${name}_restored`;
    await store.close();
    const administration = connectDatabase(urlOf('postgres'));
    await administration.$executeRawUnsafe(`CREATE DATABASE "${copy}" TEMPLATE "${name}"`);
    store = openStore(postgres.url, sealer);
    const before = await notes();
    await store.events.append([record(31), record(32)]);
    await store.maker().makeDue();
    const known = await notes();
    expect(known.length).toBeGreaterThan(before.length);
    expect(await compareWith(known, store)).toEqual([]);
    const restored = openStore(urlOf(copy), sealer);
    const from = { checkpoint: before.length + 1 };
    expect(await compareWith(known, restored)).toMatchObject([{ kind: 'restored', ...from }]);
    // It goes on, and says so: its own checkpoints have numbers that others had.
    await restored.events.append([record(31)]);
    await restored.maker().makeDue();
    expect(await compareWith(known, restored)).toMatchObject([{ kind: 'restored', ...from }]);
    expect((await restored.verify()).findings).toEqual([]);
    await restored.close();
    await administration.$executeRawUnsafe(`DROP DATABASE "${copy}"`);
    await administration.$disconnect();
    await sql(
      `DELETE FROM "Event" WHERE "sequence" > (SELECT max("upTo") FROM "AuditCheckpoint" WHERE "number" <= ${before.length})`,
    );
    await sql(`DELETE FROM "AuditCheckpoint" WHERE "number" > ${before.length}`);
    expect(await compareWith(known, store)).toMatchObject([{ kind: 'cut-off', ...from }]);
    await store.events.append([record(33)]);
    await store.maker().makeDue();
    expect(await compareWith(known, store)).toMatchObject([{ kind: 'cut-off', ...from }]);
  });
  test('is told of by the control plane that had made them (B13)', async () => {
    const maker = store.maker();
    await store.events.append([record(1)]);
    await maker.makeDue();
    await sql('DELETE FROM "AuditCheckpoint"');
    await store.events.append([record(2)]);
    await maker.makeDue();
    expect(store.lines.filter((line) => line.includes('not in the store any more'))).toHaveLength(1);
  });
  test('asks for nothing that a role without privileges may not (B13)', async () => {
    await sql('DROP ROLE IF EXISTS plain');
    await sql('CREATE ROLE plain');
    await sql('GRANT SELECT ON "Event", "Event_sequence_seq" TO plain');
    const counters = await store.statements.transaction(async (query) => {
      await query({ text: 'SET LOCAL ROLE plain', values: [] });
      return readCounters(query);
    });
    expect(counters.identity).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    await sql('DROP OWNED BY plain');
    await sql('DROP ROLE plain');
  });
});
