import { aConnection, connectionStoreContract } from '@sallyport/credential';
import { connectDatabase, Prisma, type Database } from '@sallyport/database';
import { startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PostgresConnectionStore, selectDue } from './postgres-connection-store.js';
import { PostgresUpstreamRevocations } from './postgres-upstream-revocations.js';

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

describe('what is removed and has a revocation endpoint', () => {
  const revocationEndpoint = 'https://as.notes.example/revoke';
  const NOW = 1_800_000_000_000;
  const claim = (owner: string, now = NOW, more: object = {}) => ({ owner, now, until: now + 60_000, limit: 10, ...more });
  const removed = async (changes: object = {}) => {
    const connection = aConnection({ revocationEndpoint, ...changes });
    await new PostgresConnectionStore(database).create(connection);
    return connection;
  };
  beforeEach(async () => {
    await database.upstreamRevocation.deleteMany();
  });

  test('is kept for its provider, as it was sealed, in the statement that removes it; what has none is not (R82)', async () => {
    const [store, revocations] = [new PostgresConnectionStore(database), new PostgresUpstreamRevocations(database)];
    const [asked, silent] = [await removed(), await removed({ revocationEndpoint: null })];
    await store.remove(asked.id, { now: NOW, due: NOW });
    await store.remove(silent.id, { now: NOW, due: NOW });
    const { total, oldest } = await revocations.outstanding(10);
    expect([total, oldest.map(({ id, removedAt, dueAt, givesUpAt }) => [id, removedAt, dueAt, givesUpAt - removedAt])]).toEqual([1, [[asked.id, NOW, NOW, 7 * 86_400_000]]]);
    expect(oldest[0]).not.toHaveProperty('sealedCredential');
    const [claimed] = await revocations.claim(claim('a'));
    const { state: _state, scopes: _scopes, accessExpiresAt: _expires, refreshDueAt: _due, refreshFailures: _failures, accountId: _account, accountName: _name, ...kept } = asked;
    expect({ ...claimed, sealedCredential: [...(claimed?.sealedCredential ?? [])] }).toMatchObject({ ...kept, sealedCredential: [1, 2, 3], attempts: 1 });
  });

  test('is given to one of many who ask at once, to the next when the claim ran out, and only its holder may settle it (R82)', async () => {
    const [store, revocations] = [new PostgresConnectionStore(database), new PostgresUpstreamRevocations(database)];
    const { id } = await removed();
    await store.remove(id, { now: NOW, due: NOW });
    const claims = await Promise.all(['a', 'b', 'c', 'd'].map(async (owner) => ({ owner, got: await revocations.claim(claim(owner)) })));
    const holders = claims.filter(({ got }) => got.length > 0).map(({ owner }) => owner);
    expect(holders.length).toBe(1);
    const [first = ''] = holders;
    expect((await revocations.claim(claim('late', NOW + 60_000)))[0]?.attempts).toBe(2);
    expect([await revocations.finish(id, first), await revocations.postpone(id, first, NOW)]).toEqual([false, false]);
    expect(await revocations.postpone(id, 'late', NOW + 90_000)).toBe(true);
    expect([await revocations.finish(id, 'late'), (await revocations.claim(claim('x', NOW + 80_000))).length]).toEqual([false, 0]);
    expect((await revocations.claim(claim('y', NOW + 90_000, { only: 'another' }))).length).toBe(0);
    expect((await revocations.claim(claim('y', NOW + 90_000, { only: id }))).length).toBe(1);
    expect([await revocations.finish(id, 'y'), (await revocations.outstanding(1)).total]).toEqual([true, 0]);
  });

  test('while it is refreshed is revoked afterwards, and then it is the successor that is revoked (B3) (R82)', async () => {
    const [store, revocations] = [new PostgresConnectionStore(database), new PostgresUpstreamRevocations(database)];
    const { id } = await removed();
    await store.takeRefreshLock(id, 'worker', 120_000);
    await store.remove(id, { now: NOW, due: NOW });
    expect(await revocations.claim(claim('early', NOW + 119_000))).toEqual([]);
    const successor = { sealedCredential: Uint8Array.of(9), accessExpiresAt: null, scopes: [], state: 'connected', refreshDueAt: null, refreshFailures: 0 } as const;
    expect(await store.saveSuccessor(id, { owner: 'worker', expectedRevision: 1 }, successor)).toBe(false);
    const [claimed] = await revocations.claim(claim('a'));
    expect([claimed?.revision, [...(claimed?.sealedCredential ?? [])]]).toEqual([2, [9]]);
  });
});
