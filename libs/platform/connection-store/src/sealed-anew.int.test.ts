import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { aConnection } from '@sallyport/connection/testing';
import { openCredential, sealCredential, type Connection, type StoredCredential } from '@sallyport/connection';
import { connectDatabase, type Database } from '@sallyport/database';
import { makeScratch, removeScratch, startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { resealRecords, rotateVaultKey, rotationStatus, Vault } from '@sallyport/vault';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectionColumn, upstreamRevocationColumn } from './connection-column.js';
import { PostgresConnectionStore } from './postgres-connection-store.js';

const CONNECTIONS = 1_200;

const scratch = makeScratch('sealed-anew');
let postgres: TestPostgres;
let database: Database;
const problems: unknown[] = [];
const openVault = async () => {
  const vault = await Vault.open(
    { masterKeyFile: join(scratch, 'master.key') },
    { database, clock: Date.now, onProblem: (what) => void problems.push(what) },
  );
  return vault;
};
beforeAll(async () => {
  writeFileSync(join(scratch, 'master.key'), randomBytes(32).toString('base64url'), { mode: 0o600 });
  postgres = await startTestPostgres();
  database = connectDatabase(postgres.url);
});
afterAll(async () => {
  await database.$disconnect();
  await postgres.stop();
  removeScratch(scratch);
});

const credential = (token: string): StoredCredential => ({
  v: 1,
  accessToken: token,
  refreshToken: `r-${token}`,
  clientAuthentication: 'none',
  pins: { serverUrl: 'https://notes.example/mcp', serverResource: null, providerDigest: 'd' },
});

test('connections are sealed anew while they are read and refreshed: each opens at every moment, and what was written last stays (B3)', async () => {
  const [rotating, refreshing] = [await openVault(), await openVault()];
  const [store, theirs] = [
    new PostgresConnectionStore(database, rotating),
    new PostgresConnectionStore(database, refreshing),
  ];
  const expected = new Map<string, string>();
  const seeds = Array.from({ length: CONNECTIONS }, (_, index) =>
    aConnection({
      id: `con_${String(index).padStart(5, '0')}`,
      userId: `usr_${index}`,
      revocationEndpoint: 'https://as.notes.example/revoke',
    }),
  );
  await Promise.all(
    seeds.map(async (seed) => {
      expected.set(seed.id, `first-${seed.id}`);
      await store.create({
        ...seed,
        sealedCredential: sealCredential(rotating.sealer, seed, credential(`first-${seed.id}`)),
      });
    }),
  );
  const removed = seeds[0]?.id ?? '';
  await store.remove(removed, { now: Date.now(), due: Date.now() + 60_000 });
  expected.delete(removed);

  await rotateVaultKey({ vault: rotating, database, clock: Date.now, noticeMs: 0 });
  await rotating.look();
  const ids = [...expected.keys()];
  let isOver = false;
  const refreshes = new Set<string>();
  const refresh = async (owner: string): Promise<void> => {
    while (!isOver) {
      const id = ids[Math.floor(Math.random() * ids.length)] ?? '';
      const lock = await theirs.takeRefreshLock(id, owner, 60_000);
      if (lock.type !== 'taken') continue;
      const { connection } = lock;
      expect(openCredential(refreshing.sealer, connection).accessToken).toBe(expected.get(id));
      const token = `refreshed-${randomBytes(6).toString('hex')}`;
      const sealedCredential = sealCredential(
        refreshing.sealer,
        { ...connection, revision: connection.revision + 1 },
        credential(token),
      );
      expect(
        await theirs.saveSuccessor(
          id,
          { owner, expectedRevision: connection.revision },
          {
            sealedCredential,
            accessExpiresAt: null,
            scopes: [],
            state: 'connected',
            refreshDueAt: null,
            refreshFailures: 0,
          },
        ),
      ).toBe(true);
      expected.set(id, token);
      refreshes.add(id);
    }
  };
  const read = async (): Promise<void> => {
    while (!isOver) {
      const connection = await theirs.find(ids[Math.floor(Math.random() * ids.length)] ?? '');
      if (connection) openCredential(refreshing.sealer, connection);
    }
  };
  const traffic = Promise.all([refresh('one'), refresh('two'), refresh('three'), read(), read()]);
  const reseal = async (): Promise<void> => {
    const context = {
      database,
      sealer: rotating.sealer,
      onProblem: (what: string) => void problems.push(what),
      pause: () => new Promise<void>((resolve) => setImmediate(resolve)),
      isOver: () => false,
    };
    do for (const column of [connectionColumn, upstreamRevocationColumn]) await resealRecords(column, context);
    while ((await rotationStatus({ vault: rotating, database, clock: Date.now })).remaining > 0);
  };
  await Promise.race([reseal(), traffic]).finally(() => (isOver = true));
  await traffic;

  expect(refreshes.size).toBeGreaterThan(0);
  expect(problems).toEqual([]);
  const after = await openVault();
  const stored = await database.connection.findMany();
  expect(stored).toHaveLength(expected.size);
  const tokens = await Promise.all(
    stored.map(
      async ({ id }) => [id, openCredential(after.sealer, (await store.find(id)) as Connection).accessToken] as const,
    ),
  );
  const awaiting = await database.upstreamRevocation.findUniqueOrThrow({ where: { id: removed } });
  expect(openCredential(after.sealer, awaiting).accessToken).toBe(`first-${removed}`);
  expect(Object.fromEntries(tokens)).toEqual(Object.fromEntries(expected));
  expect(
    new Set(
      [awaiting, ...stored].map(({ sealedCredential }) => Buffer.from(sealedCredential.subarray(1, 9)).toString('hex')),
    ),
  ).toEqual(new Set([rotating.sealer.currentKeyId]));
});
