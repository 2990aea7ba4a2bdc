import {
  aConnection,
  aProviderHealth,
  connectionStoreContract,
  providerHealthStoreContract,
} from '@sallyport/connection/testing';
import type { DueRequest } from '@sallyport/connection';
import { connectDatabase, migrateDeploy, Prisma, type Database } from '@sallyport/database';
import { startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PostgresConnectionStore, selectDue } from './postgres-connection-store.js';
import { PostgresProviderHealthStore } from './postgres-provider-health-store.js';
import { PostgresUpstreamRevocations } from './postgres-upstream-revocations.js';

const ROWS = 20_000;

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

  describe('among many others', () => {
    const providers = ['notes-user', 'mail-user'].map((credentialProvider) => ({ credentialProvider, atMost: 500 }));
    beforeAll(async () => {
      await database.$executeRaw`DELETE FROM "Connection"`;
      // Half of them idle, half of a provider that is paused and all overdue; a twentieth lost.
      await database.$executeRaw`
        INSERT INTO "Connection" (id, "userId", server, "credentialProvider", state, issuer, resource, "tokenEndpoint", "targetOrigin", "clientId", scopes, "sealedCredential", "refreshDueAt", "updatedAt")
        SELECT 'con_idle' || n, 'usr_' || n, 'notes', CASE WHEN n % 2 = 0 THEN 'mail-user' ELSE 'notes-user' END, CASE WHEN n % 20 = 0 THEN 'needs_reconnect' ELSE 'connected' END, 'https://as.example', 'https://notes.example/mcp', 'https://as.example/token', 'https://notes.example', 'us', '{}', '\\x00',
          CASE WHEN n % 20 = 0 THEN NULL WHEN n % 2 = 0 THEN now() - n * interval '1 millisecond' ELSE now() + interval '1 hour' + n * interval '1 millisecond' END, now()
        FROM generate_series(1, ${ROWS}::int) AS n`;
      await database.$executeRaw`UPDATE "Connection" SET "refreshDueAt" = now() - interval '1 second' WHERE id = 'con_idle7'`;
      await database.$executeRawUnsafe('VACUUM ANALYZE "Connection"');
    });
    const explain = async (wanted: DueRequest) => {
      const plan = await database.$queryRaw<Record<string, string>[]>(
        Prisma.sql`EXPLAIN (ANALYZE, BUFFERS) ${selectDue(Date.now(), wanted)}`,
      );
      return plan.map((line) => line['QUERY PLAN']).join('\n');
    };

    test('a tick finds what is due through indexes alone, and what is idle or paused costs it nothing (R38)', async () => {
      const wanted = {
        limit: 500,
        providers,
        except: [{ credentialProvider: 'mail-user', issuer: 'https://as.example', atMost: 0 }],
      };
      expect(await new PostgresConnectionStore(database).listDue(Date.now(), wanted)).toEqual([
        { id: 'con_idle7', server: 'notes' },
      ]);
      const text = await explain(wanted);
      expect(
        new Set(
          text
            .match(/(?:Index Only Scan|Index Scan|Seq Scan|Bitmap Heap Scan)[^\n(]* on "Connection"/g)
            ?.map((scan) => scan.replace(/ using \S+/, '')),
        ),
      ).toEqual(new Set(['Index Only Scan on "Connection"', 'Index Scan on "Connection"']));
      expect(Number(/shared hit=(\d+)/.exec(text)?.[1])).toBeLessThan(200);
    });

    test('a provider that may be probed gives one, and one that is not paused no more than its pace (B4)', async () => {
      const list = async (atMost: number) =>
        (
          await new PostgresConnectionStore(database).listDue(Date.now(), {
            limit: 500,
            providers: [{ credentialProvider: 'mail-user', atMost }],
          })
        ).length;
      expect([await list(1), await list(50)]).toEqual([1, 50]);
    });
  });
});

describe('provider health on PostgreSQL', () => {
  test.each(providerHealthStoreContract)('$title', ({ check }) => check(new PostgresProviderHealthStore(database)));

  test("counts no more once the provider's document is written anew, and is forgotten then (B4)", async () => {
    const providerHealth = new PostgresProviderHealthStore(database);
    const key = { credentialProvider: 'mended', issuer: 'https://as.example' };
    const write = (revision: number) =>
      database.configurationDocument.upsert({
        where: { kind_name: { kind: 'CredentialProvider', name: 'mended' } },
        create: { kind: 'CredentialProvider', name: 'mended', spec: {}, revision },
        update: { revision },
      });
    await write(7);
    const { version } = await providerHealth.read(key);
    expect(version).toEqual({ revision: 0, configured: 7 });
    expect(await providerHealth.write(key, version, aProviderHealth({ pausedSince: 1_000 }))).toBe(true);
    expect([(await providerHealth.read(key)).health?.pausedSince, await providerHealth.forgetReconfigured()]).toEqual([
      1_000,
      [],
    ]);
    await write(8);
    expect(await providerHealth.read(key)).toMatchObject({
      health: undefined,
      version: { revision: 1, configured: 8 },
    });
    expect(
      (await providerHealth.list()).providers.filter(({ credentialProvider }) => credentialProvider === 'mended'),
    ).toEqual([]);
    expect(await providerHealth.forgetReconfigured()).toEqual([{ ...key, ...aProviderHealth({ pausedSince: 1_000 }) }]);
    expect((await providerHealth.read(key)).version.revision).toBe(0);
  });

  test('what was paused or misconfigured before these words were used still is (B4)', async () => {
    const earlier = await startTestPostgres({ before: '20261130090000_health_by_its_name' });
    const old = connectDatabase(earlier.url);
    try {
      await old.$executeRaw`INSERT INTO "ProviderStanding" ("credentialProvider", issuer, revision, reason, failures,
          "failedAt", "pausedSince", "failedProbes", "nextProbeAt")
        VALUES ('notes', 'https://as.example', 3, 'client_refused', 1, to_timestamp(1), to_timestamp(1), 0, to_timestamp(60))`;
      const store = new PostgresConnectionStore(old);
      const connection = aConnection();
      await store.create(connection);
      await old.$executeRaw`UPDATE "Connection" SET "state" = 'provider_fault'`;
      await migrateDeploy(earlier.url);
      expect((await store.find(connection.id))?.state).toBe('misconfigured');
      expect((await new PostgresProviderHealthStore(old).list()).providers).toEqual([
        {
          credentialProvider: 'notes',
          issuer: 'https://as.example',
          ...aProviderHealth({
            reason: 'client_refused',
            failures: 1,
            failedAt: 1_000,
            pausedSince: 1_000,
            nextProbeAt: 60_000,
            error: null,
          }),
        },
      ]);
    } finally {
      await old.$disconnect();
      await earlier.stop();
    }
  });
});

describe('what is removed and has a revocation endpoint', () => {
  const revocationEndpoint = 'https://as.notes.example/revoke';
  const NOW = 1_800_000_000_000;
  const claim = (owner: string, now = NOW, more: object = {}) => ({
    owner,
    now,
    until: now + 60_000,
    limit: 10,
    ...more,
  });
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
    expect([
      total,
      oldest.map(({ id, removedAt, dueAt, givesUpAt }) => [id, removedAt, dueAt, givesUpAt - removedAt]),
    ]).toEqual([1, [[asked.id, NOW, NOW, 7 * 86_400_000]]]);
    expect(oldest[0]).not.toHaveProperty('sealedCredential');
    const [claimed] = await revocations.claim(claim('a'));
    const {
      state: _state,
      scopes: _scopes,
      accessExpiresAt: _expires,
      refreshDueAt: _due,
      refreshFailures: _failures,
      accountId: _account,
      accountName: _name,
      ...kept
    } = asked;
    expect({ ...claimed, sealedCredential: [...(claimed?.sealedCredential ?? [])] }).toMatchObject({
      ...kept,
      sealedCredential: [1, 2, 3],
      attempts: 1,
    });
  });

  test('is given to one of many who ask at once, to the next when the claim ran out, and only its holder may settle it (R82)', async () => {
    const [store, revocations] = [new PostgresConnectionStore(database), new PostgresUpstreamRevocations(database)];
    const { id } = await removed();
    await store.remove(id, { now: NOW, due: NOW });
    const claims = await Promise.all(
      ['a', 'b', 'c', 'd'].map(async (owner) => ({ owner, got: await revocations.claim(claim(owner)) })),
    );
    const holders = claims.filter(({ got }) => got.length > 0).map(({ owner }) => owner);
    expect(holders.length).toBe(1);
    const [first = ''] = holders;
    expect((await revocations.claim(claim('late', NOW + 60_000)))[0]?.attempts).toBe(2);
    expect([await revocations.finish(id, first), await revocations.postpone(id, first, NOW)]).toEqual([false, false]);
    expect(await revocations.postpone(id, 'late', NOW + 90_000)).toBe(true);
    expect([await revocations.finish(id, 'late'), (await revocations.claim(claim('x', NOW + 80_000))).length]).toEqual([
      false,
      0,
    ]);
    expect((await revocations.claim(claim('y', NOW + 90_000, { only: 'another' }))).length).toBe(0);
    expect((await revocations.claim(claim('y', NOW + 90_000, { only: id }))).length).toBe(1);
    expect([await revocations.finish(id, 'y'), (await revocations.outstanding(1)).total]).toEqual([true, 0]);
  });

  test('while it is refreshed is revoked afterwards, and then it is the new credential that is revoked (R82)', async () => {
    const [store, revocations] = [new PostgresConnectionStore(database), new PostgresUpstreamRevocations(database)];
    const { id } = await removed();
    await store.takeRefreshLock(id, 'worker', 120_000);
    await store.remove(id, { now: NOW, due: NOW });
    expect(await revocations.claim(claim('early', NOW + 119_000))).toEqual([]);
    const successor = {
      sealedCredential: Uint8Array.of(9),
      accessExpiresAt: null,
      scopes: [],
      state: 'connected',
      refreshDueAt: null,
      refreshFailures: 0,
    } as const;
    expect(await store.saveSuccessor(id, { owner: 'worker', expectedRevision: 1 }, successor)).toBe(false);
    const [claimed] = await revocations.claim(claim('a'));
    expect([claimed?.revision, [...(claimed?.sealedCredential ?? [])]]).toEqual([2, [9]]);
  });
});
