import { startTestPostgres, type TestPostgres } from '@sallyport/testing';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { connectStatements, isDatabaseOutage, type Statement, type Statements } from './index.js';

let postgres: TestPostgres;
let observer: pg.Client;
let statements: Statements;
beforeAll(async () => {
  postgres = await startTestPostgres();
  const url = new URL(postgres.url);
  url.search = '';
  observer = new pg.Client({ connectionString: url.toString() });
  await observer.connect();
  await observer.query('CREATE TABLE noted (what text PRIMARY KEY)');
});
beforeEach(() => (statements = connectStatements(postgres.url, 1)));
afterEach(() => statements.close());
afterAll(async () => {
  await observer.end();
  await postgres.stop();
});
const note = (what: string) => ({ text: 'INSERT INTO noted (what) VALUES ($1)', values: [what] });
const run = (...all: readonly Statement[]) =>
  statements.transaction(async (query) => {
    for (const statement of all) await query(statement);
  });
const noted = async () =>
  (await observer.query<{ what: string }>('SELECT what FROM noted')).rows.map(({ what }) => what);

test('statements of one transaction are stored all or none, and after a failure the next one is', async () => {
  await run(note('a'), note('b'));
  await expect(run(note('c'), note('a'))).rejects.toMatchObject({ code: '23505' });
  await run(note('d'));
  expect((await noted()).toSorted()).toEqual(['a', 'b', 'd']);
});

test('a transaction knows what its statements answered', async () => {
  const rows = statements.transaction((query) => query({ text: 'SELECT $1::int + 1 AS next', values: [1] }));
  expect(await rows).toEqual([{ next: 2 }]);
});

test('a connection that the server ended is an outage while it is used, and no more than that', async () => {
  const pidOf = { text: 'INSERT INTO noted (what) SELECT pg_backend_pid()::text', values: [] };
  await run(pidOf);
  const pid = (await noted()).find((what) => /^\d+$/.test(what));
  const failure = await run({ text: 'SELECT pg_terminate_backend($1::int)', values: [pid] }).catch(
    (error: unknown) => error,
  );
  expect(isDatabaseOutage(failure)).toBe(true);
  await run(note('after'));
  expect(await noted()).toContain('after');
  expect(isDatabaseOutage(await run(note('after')).catch((error: unknown) => error))).toBe(false);
});

test('a process that stands still in a transaction holds its locks for seconds, and hears that it lost them', async () => {
  const lock = { text: 'SELECT pg_advisory_xact_lock(42)', values: [] };
  const other = connectStatements(postgres.url, 1);
  const goOn = Promise.withResolvers<void>();
  const isHeld = Promise.withResolvers<void>();
  const standing = statements
    .transaction(async (query) => {
      await query(lock);
      isHeld.resolve();
      await goOn.promise;
      await query(note('too late'));
    })
    .catch((error: unknown) => error);
  await isHeld.promise;
  await other.transaction((query) => query(lock));
  goOn.resolve();
  expect(isDatabaseOutage(await standing)).toBe(true);
  expect(await noted()).not.toContain('too late');
  await other.close();
}, 15_000);
