import { join } from 'node:path';
import { createAdminClient, type AdminClient } from '@sallyport/admin-api';
import { ConfigurationReplica } from '@sallyport/configuration';
import { Secret, systemClock } from '@sallyport/kernel';
import { ensureDeploymentKeys, loadVerifyingKey, type DeploymentKeyFiles } from '@sallyport/keys';
import { createInProcessMessaging, type BusRole, type Messaging } from '@sallyport/messaging';
import { reportReplica, startService, type ReportOptions, type RunningService } from '@sallyport/process';
import { createLogger } from '@sallyport/telemetry';
import { makeScratch, removeScratch, startPrivatePostgres, type PrivatePostgres } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startControlPlane } from '../start-control-plane.js';
import { ADMIN_TOKEN, testConfig } from '../test/test-config.js';

const logger = createLogger({ name: 'test', level: 'fatal' });
let postgres: PrivatePostgres;
let directory: string;
let keys: DeploymentKeyFiles;
let messaging: Messaging;
let controlPlane: RunningService;
let client: AdminClient;
const replicas: RunningService[] = [];

beforeAll(async () => {
  directory = makeScratch('status');
  [postgres, keys] = await Promise.all([
    startPrivatePostgres(),
    ensureDeploymentKeys(join(directory, 'keys'), { gateways: ['gw-1'] }),
  ]);
  messaging = createInProcessMessaging();
  controlPlane = await startControlPlane(await testConfig({ databaseUrl: postgres.url, keys }), { messaging, logger });
  const url = controlPlane.urls['admin'] ?? '';
  client = createAdminClient({ url, token: new Secret(ADMIN_TOKEN) });
});
afterEach(async () => {
  for (const replica of replicas.splice(0)) await replica.close();
});
afterAll(async () => {
  await controlPlane.close();
  await messaging.close();
  await postgres.stop();
  removeScratch(directory);
});

/** What each process of a deployment runs of the configuration and of its reports. */
async function startReplica(role: BusRole, name: string, options: Partial<ReportOptions> = {}) {
  const { publicKey: verifyKey } = await loadVerifyingKey(keys.configurationSigningPublic);
  const service = await startService(role, { logger }, async (scope) => {
    const configuration = new ConfigurationReplica({ log: messaging.configuration, verifyKey });
    scope.onClose('configuration', () => configuration.stop());
    await configuration.start();
    await configuration.whenReady(10_000);
    reportReplica(scope, { messaging, role, replica: name, configuration, clock: systemClock, ...options });
    return {};
  });
  replicas.push(service);
  return service;
}

test('every process is listed with what it applies, and one that ended is not', async () => {
  const gateway = await startReplica('gateway', 'gw-1');
  await startReplica('authorization-server', 'as-1');
  await startReplica('token-refresh-worker', 'worker-1');
  const { configuration, replicas: all, ...status } = await client.readStatus();
  expect(configuration).toMatchObject({ revision: 1 });
  expect(all.map(({ service, replica }) => `${service} ${replica}`)).toEqual([
    'authorization-server as-1',
    'control-plane control-plane',
    'gateway gw-1',
    'token-refresh-worker worker-1',
  ]);
  for (const one of all)
    expect(one).toMatchObject({ configuration, isBehind: false, isSilent: false, readiness: { status: 'ready' } });
  expect(status).toMatchObject({
    database: { isReachable: true, answeredInMs: expect.any(Number) },
    bus: { isReachable: true, kind: 'in-process' },
    queue: { isReachable: true },
    events: { waiting: 0, isStoring: true },
    signingKeys: [],
  });

  await gateway.close();
  expect((await client.readStatus()).replicas.map(({ service }) => service)).not.toContain('gateway');
});

test('a process that does not apply the newest revision is behind', async () => {
  await startReplica('gateway', 'gw-1', {
    configuration: {
      state: () => ({ ready: true, stale: false, distrusts: false, epoch: 'another', revision: 99 }),
      onChange: () => () => undefined,
    },
  });
  const [gateway] = (await client.readStatus()).replicas.filter(({ service }) => service === 'gateway');
  expect(gateway).toMatchObject({ isBehind: true, configuration: { epoch: 'another', revision: 99 } });
});

test('a queue that no worker reaches is told', async () => {
  await startReplica('token-refresh-worker', 'worker-1', { faults: () => ['queue-unreachable'] });
  expect((await client.readStatus()).queue).toEqual({ isReachable: false });
});

test('while the database is down the status is answered, and says so', async () => {
  await postgres.stop();
  expect(await client.readStatus()).toMatchObject({
    configuration: null,
    database: { isReachable: false, answeredInMs: null },
    bus: { isReachable: true },
    replicas: [{ service: 'control-plane', configuration: { revision: 1 } }],
  });
});
