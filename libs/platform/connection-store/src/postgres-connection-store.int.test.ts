import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { connectionStoreContract } from '@sallyport/credential';
import { connectDatabase, migrateDeploy, type Database } from '@sallyport/database';
import { startPostgres, type EmbeddedPostgres } from '@sallyport/embedded-postgres';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { PostgresConnectionStore } from './index.js';

let directory: string;
let postgres: EmbeddedPostgres;
let database: Database;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sallyport-connections-'));
  chmodSync(directory, 0o755);
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => probe.once('listening', done));
  const { port } = probe.address() as AddressInfo;
  await new Promise((done) => probe.close(done));
  postgres = await startPostgres({ directory: join(directory, 'pg'), port, password: 'test', flags: ['-c', 'fsync=off'] });
  await migrateDeploy(postgres.url, resolve(import.meta.dirname, '../../../../prisma/migrations'));
  database = connectDatabase(postgres.url);
});
afterAll(async () => {
  await database.$disconnect();
  await postgres.stop();
  rmSync(directory, { recursive: true, force: true });
});

describe('a connection store on PostgreSQL', () => {
  test.each(connectionStoreContract)('$title', ({ check }) => check(new PostgresConnectionStore(database)));
});
