import { join } from 'node:path';
import { connectDatabase, type Database } from '@sallyport/database';
import { systemClock } from '@sallyport/kernel';
import { ensureDeploymentKeys, loadMasterKey, Sealer } from '@sallyport/keys';
import { createFakeClock, makeScratch, removeScratch, startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PublicKeys } from '../keys/public-keys.js';
import { ONLY_WHAT_IS_MISSING } from '../keys/rotation-policy.js';
import { SigningKeys } from '../keys/signing-keys.js';
import { removeExpired } from '../lifecycle/remove-expired.js';
import { ArtifactStore } from '../storage/artifact-store.js';
import { Users } from '../storage/users.js';

let postgres: TestPostgres;
let database: Database;
let sealer: Sealer;
const scratch = makeScratch('replicas');
beforeAll(async () => {
  postgres = await startTestPostgres();
  database = connectDatabase(postgres.url);
  sealer = new Sealer(loadMasterKey((await ensureDeploymentKeys(join(scratch, 'keys'), { gateways: [] })).master));
});
afterAll(async () => {
  await database.$disconnect();
  await postgres.stop();
  removeScratch(scratch);
});

test('replicas that start together agree on one key per purpose, sealed under its own kid (S6)', async () => {
  const made = await Promise.all(
    [1, 2, 3, 4].map(async () => {
      const keys = new SigningKeys({ database, sealer, clock: systemClock });
      await keys.keepUp(ONLY_WHAT_IS_MISSING);
      return keys.forAccessTokens();
    }),
  );
  expect(new Set(made.map((keys) => keys.map(({ kid }) => kid).join())).size).toBe(1);
  const rows = await database.signingKey.findMany({ orderBy: { purpose: 'asc' } });
  expect(rows.map(({ purpose, algorithm }) => [purpose, algorithm])).toEqual([
    ['access-token', 'ES256'],
    ['downstream-token', 'ES256'],
  ]);
  for (const row of rows) {
    const opened = JSON.parse(sealer.open('signing-key', row.sealedPrivate, row.kid).toString()) as {
      d: string;
      x: string;
    };
    expect(opened.x).toBe((row.publicJwk as { x: string }).x);
    expect(JSON.stringify(row)).not.toContain(opened.d);
    expect(() => sealer.open('signing-key', row.sealedPrivate, `${row.kid}x`)).toThrow('belongs to another record');
  }
  expect((await new PublicKeys({ database, isWithdrawn: () => false, clock: systemClock }).read()).keys).toHaveLength(
    2,
  );
});

test('an artefact is consumed by exactly one of many (S8)', async () => {
  const store = new ArtifactStore(database, sealer, systemClock);
  await store.put('AuthorizationCode', 'secret-code', { jti: 'secret-code' }, { expiresInSeconds: 60, grantId: 'g' });
  const wins = await Promise.all(Array.from({ length: 20 }, () => store.consume('AuthorizationCode', 'secret-code')));
  expect(wins.filter(Boolean)).toHaveLength(1);
  expect((await store.find('AuthorizationCode', 'secret-code'))?.consumedAt).toEqual(expect.any(Number));
  expect(await store.consume('AuthorizationCode', 'never-was')).toBe(false);
});

test('an id is put once, however many try at once (S8)', async () => {
  const store = new ArtifactStore(database, sealer, systemClock);
  const wins = await Promise.all(
    Array.from({ length: 20 }, () => store.putOnce('ReplayDetection', 'jti', {}, { expiresInSeconds: 60 })),
  );
  expect(wins.filter(Boolean)).toHaveLength(1);
});

test('what was stored for one thing cannot be read as another (S8)', async () => {
  const store = new ArtifactStore(database, sealer, systemClock);
  await store.put('Session', 'one', { accountId: 'usr_1' });
  await store.put('Session', 'two', { accountId: 'usr_2' });
  const [row] = await database.oidcArtifact.findMany({ where: { kind: 'Session' } });
  await database.oidcArtifact.updateMany({
    where: { kind: 'Session' },
    data: { payload: row?.payload ?? new Uint8Array() },
  });
  const read = await Promise.allSettled(['one', 'two'].map((id) => store.find('Session', id)));
  expect(read.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
});

test('what expired cannot be taken, and is forgotten an hour later', async () => {
  const clock = createFakeClock(Date.now());
  const store = new ArtifactStore(database, sealer, clock);
  await store.put('FederationFlow', 'state', { provider: 'x' }, { expiresInSeconds: 600 });
  clock.advance(601_000);
  expect(await store.take('FederationFlow', 'state')).toBeUndefined();
  expect(await store.find('FederationFlow', 'state')).toMatchObject({ expired: true });
  clock.advance(3_600_000);
  expect(await store.find('FederationFlow', 'state')).toBeUndefined();
  expect(await removeExpired(database, clock)).toBeGreaterThanOrEqual(1);
});

test('what strangers have made, as large as a request, is removed when it expires; what tells a replay an hour later (S33)', async () => {
  const clock = createFakeClock(Date.now());
  const store = new ArtifactStore(database, sealer, clock);
  const kinds = [
    'FederationFlow',
    'FederationResult',
    'Interaction',
    'PushedAuthorizationRequest',
    'AuthorizationCode',
    'RefreshToken',
    'ReplayDetection',
  ];
  for (const kind of kinds) await store.put(kind, `of ${kind}`, {}, { expiresInSeconds: 60 });
  const left = async () => {
    await removeExpired(database, clock);
    return (
      await Promise.all(kinds.map(async (kind) => ((await store.find(kind, `of ${kind}`)) ? [kind] : [])))
    ).flat();
  };
  clock.advance(59_000);
  expect(await left()).toEqual(kinds);
  clock.advance(2_000);
  expect(await left()).toEqual(['AuthorizationCode', 'RefreshToken', 'ReplayDetection']);
  clock.advance(3_600_000);
  expect(await left()).toEqual([]);
});

test('replicas remove what has expired together, in batches, past rows that somebody has in hand, and nothing else', async () => {
  const clock = createFakeClock(Date.now());
  const store = new ArtifactStore(database, sealer, clock);
  await Promise.all(
    Array.from({ length: 23 }, (_none, index) => store.put('Swept', `short-${index}`, {}, { expiresInSeconds: 1 })),
  );
  await store.put('Swept', 'long', {}, { expiresInSeconds: 86_400 });
  await store.put('Swept', 'for-ever', {});
  const session = (sid: string, endedAt: Date | null) => ({
    sid,
    userId: 'usr_swept',
    clientId: 'c',
    agentName: 'n',
    assurance: 'asserted',
    grantDigest: sid,
    createdAt: new Date(0),
    endedAt,
  });
  await database.agentSession.createMany({
    data: [
      session('ses_old', new Date(clock() - 31 * 86_400_000)),
      session('ses_ended', new Date(clock())),
      session('ses_live', null),
    ],
  });
  await database.initialAccessTokenUse.createMany({
    data: [
      { digest: 'over', uses: 1, expiresAt: new Date(clock() - 1) },
      { digest: 'good', uses: 1, expiresAt: new Date(clock() + 86_400_000) },
    ],
  });
  clock.advance(3_602_000);
  const left = async () => (await database.oidcArtifact.count({ where: { kind: 'Swept' } })) - 2;
  await database.$transaction(async (transaction) => {
    await transaction.$queryRaw`SELECT "idDigest" FROM "OidcArtifact" WHERE "kind" = 'Swept' AND "expiresAt" < ${new Date(clock())} ORDER BY "idDigest" LIMIT 3 FOR UPDATE`;
    await Promise.all([
      removeExpired(database, clock, 4),
      removeExpired(database, clock, 4),
      removeExpired(database, clock, 4),
    ]);
    expect(await left()).toBe(3);
  });
  await removeExpired(database, clock, 4);
  expect(await left()).toBe(0);
  expect(
    (await database.agentSession.findMany({ where: { userId: 'usr_swept' }, orderBy: { sid: 'asc' } })).map(
      ({ sid }) => sid,
    ),
  ).toEqual(['ses_ended', 'ses_live']);
  expect((await database.initialAccessTokenUse.findMany()).map(({ digest }) => digest)).toEqual(['good']);
});

test('a payload beyond any honest request is refused', async () => {
  const store = new ArtifactStore(database, sealer, systemClock);
  await expect(store.put('Interaction', 'i', { state: 'x'.repeat(200_000) })).rejects.toMatchObject({
    code: 'artifact_too_large',
  });
});

test('revoking a grant ends its session and everything issued under it, and nothing else (S8)', async () => {
  const { AgentSessions } = await import('../storage/agent-sessions.js');
  const store = new ArtifactStore(database, sealer, systemClock);
  const sessions = new AgentSessions(database);
  const facts = { userId: 'usr_1', clientId: 'c', agentName: 'n', assurance: 'asserted' as const };
  for (const grantId of ['grant-a', 'grant-b']) {
    await store.put('Grant', grantId, {});
    await store.put('RefreshToken', `${grantId}-refresh`, {}, { grantId });
    await sessions.start(facts, grantId, new Date());
  }
  await store.revokeGrant('grant-a');
  expect(await Promise.all([store.find('Grant', 'grant-a'), store.find('RefreshToken', 'grant-a-refresh')])).toEqual([
    undefined,
    undefined,
  ]);
  expect((await sessions.findByGrant('grant-a'))?.ended).toBe(true);
  expect(await store.find('RefreshToken', 'grant-b-refresh')).toBeDefined();
  expect((await sessions.findByGrant('grant-b'))?.ended).toBe(false);
});

test('one subject signing in many times at once is one user (S1)', async () => {
  const users = new Users(database);
  const identity = {
    trustProvider: 'idp',
    issuer: 'https://idp.example',
    subject: 'same',
    email: 'a@example.com',
    name: undefined,
    groups: ['g'],
    providerRoles: [],
  };
  const made = await Promise.all(Array.from({ length: 8 }, () => users.signedIn(identity, new Date())));
  expect(new Set(made.map(({ id }) => id)).size).toBe(1);
  const others = [{ subject: 'other' }, { issuer: 'https://other.example' }, { trustProvider: 'other' }].map(
    async (change) => (await users.signedIn({ ...identity, ...change }, new Date())).id,
  );
  expect(new Set([made[0]?.id, ...(await Promise.all(others))]).size).toBe(4);
});

test('a replica publishes what replaced a withdrawn key without waiting for its own key set to grow old (S5)', async () => {
  const keys = new SigningKeys({ database, sealer, clock: systemClock });
  await keys.keepUp(ONLY_WHAT_IS_MISSING);
  const withdrawn = new Set<string>();
  const replica = new PublicKeys({
    database,
    isWithdrawn: (kid) => withdrawn.has(kid),
    clock: () => 1_800_000_000_000,
  });
  const kidsOf = async () => (await replica.read()).keys.map(({ kid }) => kid);
  const [compromised = ''] = (await kidsOf()).filter((kid) => kid.startsWith('at-'));
  withdrawn.add(compromised);
  expect(await kidsOf()).toContain(compromised); // nobody has replaced it yet, and a set without any key would be no better
  await keys.keepUp(ONLY_WHAT_IS_MISSING, (kid) => withdrawn.has(kid));
  const now = await kidsOf();
  expect(now).not.toContain(compromised);
  expect(now.filter((kid) => kid.startsWith('at-'))).toHaveLength(1);
});
