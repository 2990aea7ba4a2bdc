import type { VerifyCause } from '@sallyport/admin-api';
import { subjects, type ReplicaFault } from '@sallyport/messages';
import type { RunningService } from '@sallyport/process';
import { eventually } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { json, startVerifiedWorld, text, type OurAnswers, type VerifiedWorld } from '../test/verified-world.js';

const DOCUMENTS = `
kind: TrustProvider
name: workforce
spec: { issuer: https://idp.invalid, clientId: sallyport, clientSecret: { env: IDP_SECRET } }
---
kind: AccessPolicy
name: everybody
spec: { hop: client-to-gateway }
`;

let world: VerifiedWorld;
let replicas: RunningService[] = [];
beforeAll(async () => {
  world = await startVerifiedWorld(DOCUMENTS, { IDP_SECRET: 'hunter2' });
});
afterAll(() => world?.close());

const start = async (...asked: Parameters<VerifiedWorld['startReplica']>) => {
  const replica = await world.startReplica(...asked);
  replicas.push(replica);
  return replica;
};
beforeEach(async () => {
  await start('gateway', 'gw-1');
  await start('authorization-server', 'as-1');
  await start('token-refresh-worker', 'worker-1');
});
afterEach(async () => {
  for (const replica of replicas) await replica.close();
  replicas = [];
  Object.assign(world.ours, world.answersAsMeant());
  world.bus.isUp = true;
  if (world.time.offByMs !== 0) await turnTheClockBack();
});

/** The control plane reports every two seconds; it may have reported while its clock was off that nobody is heard. */
async function turnTheClockBack(): Promise<void> {
  world.time.offByMs = 0;
  const isReady = async () =>
    (await world.client.readStatus()).replicas.every(({ readiness }) => readiness.status === 'ready');
  await eventually(isReady);
}

/**
 * Exactly these, beside what is wrong all along: the identity provider's name, that there is no server, and that the
 * machine of a test may be slow.
 */
async function expectCauses(...causes: VerifyCause[]): Promise<void> {
  const steps = await world.verify();
  const known = ['TrustProvider/workforce', 'McpServer'];
  const others = steps.filter(({ subject, cause }) => !known.includes(subject) && cause !== 'database_slow');
  expect(new Set(others.map(({ cause }) => cause))).toEqual(new Set(causes));
  for (const { fix, detail } of others) {
    expect(fix?.length).toBeGreaterThan(10);
    expect(detail).not.toContain('hunter2');
  }
}

test('where nothing is wrong every step passes, but for there being no server yet (R72)', async () => {
  await expectCauses();
  expect(await world.verify(/McpServer/)).toMatchObject([{ status: 'warned', cause: 'no_server' }]);
  const { counts, steps } = await world.client.verify({ query: {} });
  expect(counts.passed).toBeGreaterThan(15);
  for (const { status, cause, fix } of steps)
    if (status === 'passed') expect({ cause, fix }).toEqual({ cause: null, fix: null });
});

const shut: OurAnswers['page'] = (request) => void request.socket.destroy();
describe('our own addresses (R72)', () => {
  test.each<[string, VerifyCause, Partial<OurAnswers>]>([
    ['metadata that names another issuer', 'issuer_mismatch', { metadata: json({ issuer: 'https://other.example' }) }],
    ['metadata that is not there', 'metadata_missing', { metadata: json({}, 404) }],
    ['metadata that is a page', 'metadata_missing', { metadata: text('<h1>Welcome</h1>') }],
    ['an authorization server that breaks off', 'connection_broken', { metadata: shut }],
    [
      'an authorization server that redirects',
      'redirects',
      { metadata: text('', 302, { location: 'https://x.example/' }) },
    ],
    ['a key set without keys', 'keys_empty', { keys: json({ keys: [] }) }],
    ['a key set of symmetric keys', 'keys_empty', { keys: json({ keys: [{ kty: 'oct', kid: 'a' }] }) }],
    [
      'a key set of another deployment',
      'signing_key_not_published',
      { keys: json({ keys: [{ kty: 'EC', kid: 'b' }] }) },
    ],
    ['a sign-in page that fails', 'sign_in_page_failed', { page: text('<h1>Sorry</h1>', 500) }],
    ['a sign-in page that a proxy hides', 'sign_in_page_failed', { page: text('', 404) }],
    ['a gateway that names no metadata', 'gateway_challenge_missing', { call: json({}, 401) }],
    ['a gateway that asks for no token', 'gateway_challenge_missing', { call: json({}) }],
    ['a gateway that fails', 'server_error', { call: json({}, 502) }],
    [
      'a gateway of another authorization server',
      'gateway_names_another',
      { resource: json({ resource: 'https://x.example/mcp', authorization_servers: ['https://as.example'] }) },
    ],
  ])('%s: %s', async (_what, cause, planted) => {
    Object.assign(world.ours, planted);
    await expectCauses(cause);
  });

  test('an authorization server without an active key', async () => {
    const [key] = await world.database.signingKey.findMany();
    if (key === undefined) throw new Error('there is a key');
    await world.database.signingKey.deleteMany();
    await expectCauses('signing_key_missing');
    await world.database.signingKey.create({ data: { ...key, publicJwk: {} } });
  });
});

describe('processes (R72)', () => {
  const stop = async (...roles: string[]) => {
    for (const replica of replicas) if (roles.includes(replica.name)) await replica.close();
  };
  test('no gateway runs', async () => {
    await stop('gateway');
    await expectCauses('no_gateway_running');
  });
  test('no authorization server runs', async () => {
    await stop('authorization-server');
    await expectCauses('no_authorization_server_running');
  });
  test('no refresh worker runs', async () => {
    await stop('token-refresh-worker');
    await expectCauses('no_refresh_worker');
  });
  test('a gateway is behind in revision', async () => {
    await stop('gateway');
    const state = { ready: true, stale: false, distrusts: false, epoch: 'another', revision: 1 };
    await start('gateway', 'gw-1', { configuration: { state: () => state, onChange: () => () => undefined } });
    await expectCauses('replica_behind');
  });
  test.each<['not-ready' | 'degraded', VerifyCause]>([
    ['not-ready', 'replica_not_ready'],
    ['degraded', 'replica_degraded'],
  ])('a gateway says %s, for a reason of its own: %s', async (status, cause) => {
    await stop('gateway');
    await start('gateway', 'gw-1', { readiness: { status, reasons: ['the disk is odd'] } });
    await expectCauses(cause);
    expect(await world.verify(/^replica /)).toMatchObject([{ detail: 'the disk is odd' }]);
  });
  /** What a worker of the gateway reported, word for word, with a change; nobody repeats it. */
  async function reportAs(worker: number, change: object): Promise<void> {
    let report: unknown;
    const listen = (payload: unknown) => void (report = payload);
    const stopListening = await world.messaging.broadcast.subscribe(subjects.report('gateway', 'gw-1'), listen);
    await start('gateway', 'gw-1');
    await eventually(() => report !== undefined);
    await stopListening();
    const said = { ...Object(report), ...change };
    await world.messaging.broadcast.publish(subjects.report('gateway', `gw-1.${worker}`), said);
  }
  const isKnown = async (worker: number) =>
    (await world.client.readStatus()).replicas.some((replica) => replica.worker === worker);

  test('a process of another version runs', async () => {
    await reportAs(7, { version: '9.9.9' });
    await eventually(() => isKnown(7));
    await expectCauses('versions_differ');
    await reportAs(7, { state: 'ended' });
  });
  test('a process was killed: it is not heard any more', async () => {
    await reportAs(8, {});
    await eventually(() => isKnown(8));
    world.time.offByMs = 90_000; // more than a heartbeat may be off: one of that time would outlast the real ones
    expect(await world.verify(/gw-1\.8/)).toMatchObject([{ cause: 'replica_silent' }]);
    await reportAs(8, { state: 'ended' });
  });
  test('a gateway runs under a name that is not enrolled', async () => {
    await start('gateway', 'gw-2');
    await expectCauses('gateway_not_enrolled');
  });
  test.each([
    ['it is behind', -600_000],
    ['it is ahead', 90_000],
  ])('the clock of a gateway is off: %s', async (_what, offByMs) => {
    await stop('gateway');
    await start('gateway', 'gw-1', { clock: () => Date.now() + offByMs });
    await expectCauses('clock_skewed');
  });
  test.each<[ReplicaFault, VerifyCause]>([
    ['issuer-keys-missing', 'issuer_keys_not_loaded'],
    ['spool-refuses', 'event_spool_refuses'],
    ['events-not-shipped', 'events_not_shipped'],
  ])('a gateway reports %s: %s', async (fault, cause) => {
    await stop('gateway');
    await start('gateway', 'gw-1', { faults: () => [fault] });
    await expectCauses(cause);
  });
  test('the worker does not reach Redis', async () => {
    await stop('token-refresh-worker');
    await start('token-refresh-worker', 'worker-1', { faults: () => ['queue-unreachable'] });
    await expectCauses('queue_unreachable');
  });
  test.each<[string, VerifyCause, object]>([
    ['pins a wrong key file', 'replica_key_wrong', { ready: false, distrusts: true, epoch: null, revision: null }],
    ['has no configuration', 'replica_without_configuration', { ready: false, epoch: null, revision: null }],
    ['has an old configuration', 'replica_configuration_stale', { stale: true }],
  ])('a gateway %s: %s', async (_what, cause, change) => {
    await stop('gateway');
    const { configuration } = await world.client.readStatus();
    const state = { ready: true, stale: false, distrusts: false, epoch: '', revision: 0, ...configuration, ...change };
    await start('gateway', 'gw-1', { configuration: { state: () => state, onChange: () => () => undefined } });
    await expectCauses(cause);
  });
});

describe('what the processes stand on (R72)', () => {
  test('the bus is away', async () => {
    world.bus.isUp = false;
    await expectCauses('bus_unreachable');
  });
  test("the control plane's clock is ten minutes off: everybody else's seems to be", async () => {
    world.time.offByMs = 600_000;
    for (const replica of replicas) await replica.close();
    await start('gateway', 'gw-1');
    const steps = await world.verify(/^clock PostgreSQL/);
    expect(steps).toMatchObject([{ cause: 'clock_differs_from_database', detail: 'PostgreSQL is 600 s behind.' }]);
  });
  test('a secret that is not stored, and one that cannot be opened', async () => {
    const where = { name: 'TrustProvider/workforce/clientSecret' };
    const row = await world.database.storedSecret.findUniqueOrThrow({ where });
    await world.database.storedSecret.update({ where, data: { sealed: new Uint8Array(row.sealed).reverse() } });
    expect(await world.verify(/^secret/)).toMatchObject([{ cause: 'secret_unreadable', fix: expect.any(String) }]);
    await world.database.storedSecret.delete({ where });
    expect(await world.verify(/^secret/)).toMatchObject([{ cause: 'secret_missing', fix: expect.any(String) }]);
    await world.database.storedSecret.create({ data: row });
    expect(await world.verify(/^secret/)).toEqual([]);
  });
  test('the database is down: what does not need it is still looked at', async () => {
    await world.postgres.halt();
    // It is published once it is stored, which it is not.
    const record = { v: 1, id: 'evt_1', replica: 'as-1', at: Date.now(), type: 'signing_key.created', detail: {} };
    void world.messaging.events.publish('as-1', [record]).catch(() => undefined);
    await eventually(async () => !(await world.client.readStatus()).events.isStoring, { timeoutMs: 20_000 });
    let causes: string[] = [];
    await eventually(
      async () => {
        causes = (await world.verify()).map(({ step, cause }) => `${step}: ${cause}`);
        return causes.includes('configuration: configuration_not_published'); // from the next heartbeat on
      },
      { timeoutMs: 20_000 },
    );
    expect(causes).toContain('database: database_unreachable');
    expect(causes).toContain('events: events_not_stored');
    expect(causes).toContain('signing-keys: depends_on_another');
    expect(causes).toContain('secret: depends_on_another');
    expect(causes.filter((cause) => cause.includes('gateway'))).toEqual([]);
  });
});
