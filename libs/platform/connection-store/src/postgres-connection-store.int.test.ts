import { connectionStoreContract } from '@sallyport/credential';
import { connectDatabase, Prisma, type Database } from '@sallyport/database';
import { startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PostgresConnectionStore, selectDue } from './postgres-connection-store.js';

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

  test('finds what is due through the index alone, however many rows are idle (B3) (R38)', async () => {
    await database.$executeRaw`DELETE FROM "Connection"`;
    await database.$executeRaw`
      INSERT INTO "Connection" (id, "userId", server, "credentialProvider", state, issuer, resource, "tokenEndpoint", "targetOrigin", "clientId", scopes, "sealedCredential", "refreshDueAt", "updatedAt")
      SELECT 'con_idle' || n, 'usr_' || n, 'notes', 'notes-user', CASE WHEN n % 20 = 0 THEN 'needs_reconnect' ELSE 'connected' END, 'https://as.example', 'https://notes.example/mcp', 'https://as.example/token', 'https://notes.example', 'us', '{}', '\\x00',
        CASE WHEN n % 20 = 0 THEN NULL ELSE now() + interval '1 hour' + n * interval '1 millisecond' END, now()
      FROM generate_series(1, 20000) AS n`;
    await database.$executeRaw`UPDATE "Connection" SET "refreshDueAt" = now() - interval '1 second' WHERE id = 'con_idle7'`;
    await database.$executeRawUnsafe('ANALYZE "Connection"');
    expect(await new PostgresConnectionStore(database).listDue(Date.now(), 500)).toEqual([{ id: 'con_idle7', server: 'notes' }]);
    const plan = await database.$queryRaw<Record<string, string>[]>(Prisma.sql`EXPLAIN ANALYZE ${selectDue(Date.now(), 500)}`);
    const text = plan.map((line) => line['QUERY PLAN']).join('\n');
    expect(text.match(/\w*(?: Only)? Scan using \S+|Seq Scan|Bitmap Heap Scan|Sort/g)).toEqual(['Index Scan using "Connection_refreshDueAt_idx"']);
    expect(text).not.toContain('Rows Removed');
  });
});
