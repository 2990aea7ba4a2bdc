import type { AuditEvent } from '@sallyport/audit';
import { connectDatabase, connectStatements, type Database, type Statements } from '@sallyport/database';
import { startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { PostgresEventStore } from './event-store.js';
import { PostgresEventWriter } from './event-writer.js';

let postgres: TestPostgres;
let database: Database;
let statements: Statements;
beforeAll(async () => {
  postgres = await startTestPostgres();
  database = connectDatabase(postgres.url);
  statements = connectStatements(postgres.url, 1);
});
beforeEach(() => database.event.deleteMany());
afterAll(async () => {
  await statements.close();
  await database.$disconnect();
  await postgres.stop();
});

const event = (id: string, more: Partial<AuditEvent> = {}): AuditEvent => ({
  id,
  type: 'token.issued',
  at: 1,
  replica: 'authorization-server',
  detail: {},
  ...more,
});
const stored = async () =>
  (await new PostgresEventStore(database).list({ after: 0n, limit: 100 })).map(
    ({ id, writer, n }) => [id, writer?.replace(/\.[0-9a-f]{12}$/, ''), n] as const,
  );

test('what no writer numbered gets consecutive numbers of whoever stores it, and what is stored already takes none (R80)', async () => {
  const writer = new PostgresEventWriter({ statements, replica: 'control-plane', clock: Date.now });
  const numbered = event('evt_n', { writer: 'authorization-server.000000000000', n: 7 });
  await writer.append([event('evt_a'), numbered, event('evt_b'), event('evt_b')]);
  await writer.append([event('evt_a'), numbered, event('evt_c')]);
  expect(await stored()).toEqual([
    ['evt_a', 'control-plane', 1],
    ['evt_n', 'authorization-server', 7],
    ['evt_b', 'control-plane', 2],
    ['evt_c', 'control-plane', 3],
  ]);
});

test('numbers of an append that failed are given to nobody: what follows is of another writer, from 1 on (R80)', async () => {
  let isBroken = true;
  const breaking: Statements = {
    ...statements,
    transaction: (work) =>
      statements.transaction(async (query) => {
        const done = await work(query);
        if (isBroken) await query({ text: 'SELECT 1 / 0', values: [] });
        return done;
      }),
  };
  const writer = new PostgresEventWriter({ statements: breaking, replica: 'control-plane', clock: Date.now });
  await expect(writer.append([event('evt_a')])).rejects.toMatchObject({ code: '22012' });
  isBroken = false;
  await writer.append([event('evt_a'), event('evt_b')]);
  expect(await stored()).toEqual([
    ['evt_a', 'control-plane', 1],
    ['evt_b', 'control-plane', 2],
  ]);
});
