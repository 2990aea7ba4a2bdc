import { connectionStoreContract } from '@sallyport/credential';
import { connectDatabase, type Database } from '@sallyport/database';
import { startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { PostgresConnectionStore } from './index.js';

let postgres: TestPostgres;
let database: Database;
beforeAll(async () => {
  postgres = await startTestPostgres();
  database = connectDatabase(postgres.url);
});
afterAll(async () => {
  await database.$disconnect();
  await postgres.stop();
});

describe('a connection store on PostgreSQL', () => {
  test.each(connectionStoreContract)('$title', ({ check }) => check(new PostgresConnectionStore(database)));
});
