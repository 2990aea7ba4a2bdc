import { cpSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { connectDatabase, migrateDeploy, migrationsDirectory, type Database } from '@sallyport/database';
import { makeScratch, removeScratch, startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';

const MIGRATION = '20261130213000_log_streams';
let postgres: TestPostgres;
let database: Database;
let scratch: string;
beforeAll(async () => {
  scratch = makeScratch('webhook-migration');
  postgres = await startTestPostgres();
  database = connectDatabase(postgres.url);
});
afterAll(async () => {
  await database.$disconnect();
  await postgres.stop();
  removeScratch(scratch);
});

/** A schema of its own: the database's own is migrated already. */
const before = () => postgres.url.replace('schema=public', 'schema=before');

/** Migrates a schema of its own with these migrations. */
async function migrate(names: readonly string[]): Promise<void> {
  const directory = join(scratch, String(names.length));
  mkdirSync(directory);
  for (const name of names) cpSync(join(migrationsDirectory, name), join(directory, name), { recursive: true });
  await migrateDeploy(before(), directory);
}

test('a webhook goes on behind what it has, and what was on its way to it is sent: each event once (R78)', async () => {
  const all = readdirSync(migrationsDirectory)
    .filter((name) => /^\d+_/.test(name))
    .toSorted();
  await migrate(all.filter((name) => name < MIGRATION));
  await database.$executeRaw`INSERT INTO before."Event" ("id", "type", "at", "body")
    SELECT 'evt_' || i, 'connection.needs_reconnect', now(), '{}' FROM generate_series(1, 3) AS i`;
  await database.$executeRaw`INSERT INTO before."ConfigurationDocument" ("kind", "name", "spec", "revision")
    VALUES ('Webhook', 'on-call', '{}', 1)`;
  const body = { type: 'connection.needs_reconnect', timestamp: '2026-11-30T10:00:00.000Z', data: { server: 'notes' } };
  await database.$executeRaw`
    INSERT INTO before."WebhookDelivery" ("webhook", "eventId", "body", "attempts", "givesUpAt")
    VALUES ('on-call', 'evt_3', ${JSON.stringify(body)}, 2, now())`;
  await migrate(all.filter((name) => name <= MIGRATION));
  expect(await database.$queryRaw`SELECT * FROM before."LogStreamCursor"`).toMatchObject([
    { stream: 'on-call', sequence: 3n },
  ]);
  expect(await database.$queryRaw`SELECT * FROM before."LogStreamDeadLetter"`).toMatchObject([
    {
      stream: 'on-call',
      eventId: 'evt_3',
      type: 'connection.needs_reconnect',
      at: new Date(body.timestamp),
      body: '{"server": "notes"}',
      isAsked: true,
    },
  ]);
  expect(await database.$queryRaw`SELECT to_regclass('before."WebhookDelivery"')::text AS "table"`).toEqual([
    { table: null },
  ]);
});
