import { join } from 'node:path';
import { ConfigurationReplica } from '@sallyport/configuration';
import { verifyCommand, type SignedCommandOf } from '@sallyport/configuration/log';
import { connectDatabase, type Database } from '@sallyport/database';
import type { RunningService } from '@sallyport/process';
import { systemClock } from '@sallyport/kernel';
import {
  ensureDeploymentKeys,
  loadMasterKey,
  loadVerifyingKey,
  Sealer,
  type DeploymentKeyFiles,
} from '@sallyport/keys';
import { SignedCommandWire, subjects, type CommandAnswer } from '@sallyport/messages';
import { createInProcessMessaging, type Messaging, type Unsubscribe } from '@sallyport/messaging';
import { createLogger } from '@sallyport/telemetry';
import { eventually, makeScratch, removeScratch, startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { exportJWK, generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DownstreamSigningKeys } from '../credentials/lease/downstream-signing-key.js';
import { startControlPlane } from '../start-control-plane.js';
import { ADMIN_TOKEN, testConfig } from '../test/test-config.js';

const scratch = makeScratch('signing-keys');
const messaging: Messaging = createInProcessMessaging();
let postgres: TestPostgres;
let database: Database;
let keys: DeploymentKeyFiles;
let service: RunningService;
let replica: ConfigurationReplica;

const start = async (): Promise<RunningService> => {
  return startControlPlane(await testConfig({ databaseUrl: postgres.url, keys }), {
    messaging,
    logger: createLogger({ name: 'test', level: 'error' }),
  });
};
beforeAll(async () => {
  [postgres, keys] = await Promise.all([
    startTestPostgres(),
    ensureDeploymentKeys(join(scratch, 'keys'), { gateways: [] }),
  ]);
  database = connectDatabase(postgres.url);
  service = await start();
  replica = new ConfigurationReplica({
    log: messaging.configuration,
    verifyKey: (await loadVerifyingKey(keys.configurationSigningPublic)).publicKey,
  });
  await replica.start();
  await replica.whenReady(5_000);
});
afterAll(async () => {
  await replica.stop();
  await service.close();
  await messaging.close();
  await database.$disconnect();
  await postgres.stop();
  removeScratch(scratch);
});

const call = async (path: string, body?: unknown, token = ADMIN_TOKEN) => {
  const response = await fetch(`${service.urls['admin']}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};
const eventsOf = async (type: string) =>
  (await call(`/v1/events?after=0&type=${type}`)).body['events'] as { detail: Record<string, unknown> }[];
const addKey = (
  kid: string,
  changes: { signsFrom?: Date; withdrawnAt?: Date; algorithm?: string; sealedPrivate?: Uint8Array<ArrayBuffer> } = {},
) =>
  database.signingKey.create({
    data: {
      kid,
      purpose: kid.startsWith('at-') ? 'access-token' : 'downstream-token',
      algorithm: 'ES256',
      publicJwk: {},
      sealedPrivate: new Uint8Array(),
      ...changes,
    },
  });
const kidsOf = ({ body }: { body: Record<string, unknown> }) =>
  (body['keys'] as { kid: string; state: string }[]).map(({ kid, state }) => [kid, state]);

describe('withdrawing a signing key', () => {
  test('is in force on every replica within a second, once, and in the trail with its reason (S5, R80)', async () => {
    await addKey('at-compromised');
    await addKey('at-other', { signsFrom: new Date(Date.now() + 600_000) });
    const begun = Date.now();
    const answer = await call('/v1/signing-keys/withdrawals', { kid: 'at-compromised', reason: 'a backup was lost' });
    expect([answer.status, answer.body]).toMatchObject([
      201,
      { kid: 'at-compromised', purpose: 'access-token', state: 'withdrawn' },
    ]);
    await eventually(() => replica.snapshot().revocations.isKeyWithdrawn('at-compromised'));
    expect(Date.now() - begun).toBeLessThan(1_000);
    expect(replica.snapshot().revocations.isKeyWithdrawn('at-other')).toBe(false);

    const { revision } = replica.snapshot();
    expect(await call('/v1/signing-keys/withdrawals', { kid: 'at-compromised' })).toMatchObject({
      status: 200,
      body: { state: 'withdrawn' },
    });
    expect(replica.snapshot().revision).toBe(revision);
    expect((await eventsOf('signing_key.withdrawn')).map(({ detail }) => [detail['reason'], detail['kid']])).toEqual([
      ['a backup was lost', 'at-compromised'],
    ]);
    expect(kidsOf(await call('/v1/signing-keys'))).toEqual([
      ['at-other', 'next'],
      ['at-compromised', 'withdrawn'],
    ]);
  });

  test("changes nothing when the key is unknown, the request malformed, or the token not the administrator's (S29)", async () => {
    const before = await database.configurationRevision.count();
    expect((await call('/v1/signing-keys/withdrawals', { kid: 'at-unknown' })).status).toBe(404);
    for (const body of [
      {},
      { kid: '' },
      { kid: 'x'.repeat(65) },
      { kid: 7 },
      { kid: 'at-other', force: true },
      { kid: 'at-\u0000' },
    ])
      expect((await call('/v1/signing-keys/withdrawals', body)).status).toBe(400);
    expect((await call('/v1/signing-keys', undefined, 'wrong')).status).toBe(401);
    expect((await call('/v1/signing-keys/withdrawals', { kid: 'at-other' }, 'wrong')).status).toBe(401);
    expect((await call('/v1/signing-keys/rotations', {}, 'wrong')).status).toBe(401);
    expect(await database.configurationRevision.count()).toBe(before);
  });

  test('outlives the control plane: whoever starts later learns of it from the base (S28)', async () => {
    await service.close();
    service = await start();
    const late = new ConfigurationReplica({
      log: messaging.configuration,
      verifyKey: (await loadVerifyingKey(keys.configurationSigningPublic)).publicKey,
    });
    await late.start();
    expect((await late.whenReady(5_000)).revocations.isKeyWithdrawn('at-compromised')).toBe(true);
    await late.stop();
  });

  test('keeps the control plane from signing downstream tokens with it, though it remembers it and the table does not say so yet (S5, S6)', async () => {
    const sealer = new Sealer(loadMasterKey(keys.master));
    const seal = async (kid: string) =>
      Uint8Array.from(
        sealer.seal(
          'signing-key',
          JSON.stringify(await exportJWK((await generateKeyPair('ES256', { extractable: true })).privateKey)),
          kid,
        ),
      );
    await addKey('dt-old', { signsFrom: new Date(1_000), sealedPrivate: await seal('dt-old') });
    await addKey('dt-new', { signsFrom: new Date(2_000), sealedPrivate: await seal('dt-new') });
    await addKey('dt-gone', { signsFrom: new Date(3_000), withdrawnAt: new Date(4_000) });
    await addKey('dt-next', { signsFrom: new Date(Date.now() + 600_000) });
    const withdrawn = new Set<string>();
    const signing = new DownstreamSigningKeys({
      database,
      sealer,
      isWithdrawn: (kid) => withdrawn.has(kid),
      clock: systemClock,
    });
    expect((await signing.newest())?.kid).toBe('dt-new');
    withdrawn.add('dt-new');
    expect((await signing.newest())?.kid).toBe('dt-old');
    withdrawn.add('dt-old');
    expect(await signing.newest()).toBeUndefined();
  });
});

describe('rotating the signing keys', () => {
  test('says so when no authorization server is there to do it, and promises nothing (B7)', async () => {
    expect((await call('/v1/signing-keys/rotations', {})).status).toBe(503);
    expect(await eventsOf('signing_key.rotation_requested')).toEqual([]);
  });

  describe('by the authorization server', () => {
    const commands: SignedCommandOf<'rotate-signing-keys'>[] = [];
    let answer: CommandAnswer['outcome'] = 'done';
    let stopServing: Unsubscribe;
    beforeAll(async () => {
      const key = (await loadVerifyingKey(keys.configurationSigningPublic)).publicKey;
      stopServing = await messaging.serve(subjects.rotateSigningKeys, async (payload): Promise<unknown> => {
        const { command: wire } = SignedCommandWire.parse(payload);
        const command = await verifyCommand(wire, 'rotate-signing-keys', key, systemClock);
        if (!command) return { v: 1, outcome: 'refused' };
        commands.push(command);
        if (answer === 'done' && !(await database.signingKey.findUnique({ where: { kid: 'at-made' } })))
          await addKey('at-made', { algorithm: 'EdDSA', signsFrom: new Date(Date.now() + 900_000) });
        return { v: 1, outcome: answer };
      });
    });
    afterAll(() => stopServing());

    test('is a signed command, answered with the successors, once, and in the trail (B7, R80)', async () => {
      const first = await call('/v1/signing-keys/rotations', { purposes: ['access-token'], reason: 'yearly' });
      expect([first.status, kidsOf(first)[0]]).toEqual([201, ['at-made', 'next']]);
      expect(kidsOf(first).every(([kid]) => kid?.startsWith('at-'))).toBe(true);
      expect((await call('/v1/signing-keys/rotations', { purposes: ['access-token'] })).status).toBe(200);
      expect((await call('/v1/signing-keys/rotations', { olderThan: '2999-01-01T00:00:00Z' })).status).toBe(200);
      expect((await call('/v1/signing-keys/rotations', { olderThan: '2020-01-01T00:00:00Z' })).status).toBe(200);
      expect(commands.map(({ purposes }) => purposes.length)).toEqual([1, 1, 2, 2]);
      for (const { olderThan, issuedAt } of commands) expect(olderThan).toBeLessThanOrEqual(issuedAt);
      expect(commands.at(-1)?.olderThan).toBe(Date.parse('2020-01-01T00:00:00Z'));
      const [event] = await eventsOf('signing_key.rotation_requested');
      expect(event).toMatchObject({ detail: { reason: 'yearly', purposes: 'access-token', created: 'at-made' } });
    });

    test('refuses what is no request, and passes on that it cannot be done now', async () => {
      for (const body of [{ purposes: [] }, { purposes: ['all'] }, { olderThan: 'yesterday' }, { now: true }])
        expect((await call('/v1/signing-keys/rotations', body)).status).toBe(400);
      for (answer of ['not_ready', 'refused'] as const)
        expect((await call('/v1/signing-keys/rotations', {})).status).toBe(503);
    });
  });
});
