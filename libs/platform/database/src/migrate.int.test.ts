import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestPostgres, type TestPostgres } from '@sallyport/testing';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { migrateDeploy } from './migrate.js';

let postgres: TestPostgres;
let observer: pg.Client;
let directory: string;
beforeAll(async () => {
  postgres = await startTestPostgres();
  observer = new pg.Client({ connectionString: postgres.url.replace(/\?.*/, '') });
  await observer.connect();
});
afterAll(async () => {
  await observer.end();
  await postgres.stop();
});
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sallyport-migrations-'));
  mkdirSync(join(directory, '2'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A schema of its own: the database's own migrations are none of these. */
const migrate = (schema: string, sql: string) => {
  writeFileSync(join(directory, '2', 'migration.sql'), sql);
  return migrateDeploy(postgres.url.replace('schema=public', `schema=${schema}`), directory);
};

test('a start that is killed in the middle of a migration is followed by one that applies it', async () => {
  const killed = migrate('killed', 'CREATE TABLE half (); SELECT pg_sleep(600);').then(() => 'applied', String);
  const kill =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'CREATE TABLE half%' AND wait_event = 'PgSleep'";
  await expect.poll(async () => (await observer.query(kill)).rowCount).toBe(1);
  expect(await killed).not.toBe('applied');
  expect(await migrate('killed', 'CREATE TABLE half ();')).toEqual(['2']);
  expect(await migrate('killed', 'CREATE TABLE half ();')).toEqual([]);
});

test('what a migration did before it failed is undone, and it is tried again', async () => {
  await expect(migrate('failed', 'CREATE TABLE half (); CREATE TABLE half ();')).rejects.toThrow('already exists');
  expect(await migrate('failed', 'CREATE TABLE half ();')).toEqual(['2']);
});

test('one that another program left unfinished is refused, with what to do', async () => {
  await migrate('unfinished', 'CREATE TABLE half ();');
  await observer.query('UPDATE unfinished."_prisma_migrations" SET finished_at = NULL');
  await expect(migrate('unfinished', 'CREATE TABLE half ();')).rejects.toThrow(
    /migration 2 .*nothing was changed now\. Restore the database from a backup/,
  );
});
