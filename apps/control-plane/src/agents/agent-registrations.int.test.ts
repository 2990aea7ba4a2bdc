import { join } from 'node:path';
import { ConfigurationReplica } from '@sallyport/configuration';
import { verifyCommand } from '@sallyport/configuration/log';
import { connectDatabase, type Database } from '@sallyport/database';
import type { RunningService } from '@sallyport/process';
import { systemClock } from '@sallyport/kernel';
import { ensureDeploymentKeys, loadVerifyingKey, type DeploymentKeyFiles } from '@sallyport/keys';
import { SignedCommandWire, subjects, type CommandAnswer } from '@sallyport/messages';
import { createInProcessMessaging, type Messaging, type Unsubscribe } from '@sallyport/messaging';
import { createLogger } from '@sallyport/telemetry';
import { eventually, makeScratch, removeScratch, startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startControlPlane } from '../start-control-plane.js';
import { ADMIN_TOKEN, testConfig } from '../test/test-config.js';

const scratch = makeScratch('agent-registrations');
const messaging: Messaging = createInProcessMessaging();
let postgres: TestPostgres;
let database: Database;
let keys: DeploymentKeyFiles;
let service: RunningService;
let replica: ConfigurationReplica;

beforeAll(async () => {
  [postgres, keys] = await Promise.all([
    startTestPostgres(),
    ensureDeploymentKeys(join(scratch, 'keys'), { gateways: [] }),
  ]);
  database = connectDatabase(postgres.url);
  service = await startControlPlane(await testConfig({ databaseUrl: postgres.url, keys }), {
    messaging,
    logger: createLogger({ name: 'test', level: 'error' }),
  });
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
beforeEach(async () => {
  await database.agentSession.deleteMany();
  await database.dynamicRegistration.deleteMany();
});

const call = async (path: string, { method = 'GET', token = ADMIN_TOKEN } = {}) => {
  const response = await fetch(`${service.urls['admin']}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};
let count = 0;
/** As the authorization server writes one down; the later, the newer. */
const registered = async (changes: { lastUsedAt?: Date; source?: string } = {}) => {
  count += 1;
  const clientId = `dcr_${count}`;
  await database.dynamicRegistration.create({
    data: {
      clientId,
      idDigest: clientId,
      clientName: `Agent ${count}`,
      redirectHosts: ['127.0.0.1'],
      source: '203.0.113.1',
      registeredAt: new Date(1_700_000_000_000 + count * 1_000),
      ...changes,
    },
  });
  return clientId;
};
const session = (clientId: string, endedAt: Date | null = null) =>
  database.agentSession.create({
    data: {
      sid: `ses_${(count += 1)}`,
      userId: 'usr_1',
      clientId,
      agentName: 'Agent',
      assurance: 'asserted',
      grantDigest: String(count),
      endedAt,
    },
  });
const listed = ({ body }: { body: Record<string, unknown> }) =>
  (body['registrations'] as { clientId: string }[]).map(({ clientId }) => clientId);
const isRevoked = (clientId: string) =>
  replica
    .snapshot()
    .revocations.isRevoked({ userId: 'usr_1', clientId, sid: 'ses_x', issuedAt: Math.floor(Date.now() / 1000) - 60 });

describe('the registrations of agents that registered themselves', () => {
  test('are listed, the newest first, with how much each is used, page by page (R18)', async () => {
    const [first, second, third] = [
      await registered(),
      await registered({ lastUsedAt: new Date(1_700_000_500_000), source: '' }),
      await registered(),
    ];
    await session(second);
    await session(second);
    await session(second, new Date());
    const all = await call('/v1/agent-registrations');
    expect([all.status, listed(all), all.body['next']]).toEqual([200, [third, second, first], null]);
    expect((all.body['registrations'] as unknown[])[1]).toEqual({
      clientId: second,
      name: expect.stringMatching(/^Agent/),
      redirectHosts: ['127.0.0.1'],
      network: null,
      registeredAt: expect.any(String),
      lastUsedAt: '2023-11-14T22:21:40.000Z',
      sessions: 2,
    });
    const page = await call('/v1/agent-registrations?limit=2');
    const further = `/v1/agent-registrations?limit=2&before=${String(page.body['next'])}`;
    expect([listed(page), listed(await call(further))]).toEqual([[third, second], [first]]);
    await database.dynamicRegistration.delete({ where: { clientId: second } }); // it made room meanwhile
    expect(listed(await call(further))).toEqual([first]);
    await database.dynamicRegistration.create({
      data: {
        clientId: second,
        idDigest: second,
        redirectHosts: [],
        source: '',
        registeredAt: new Date(0),
        lastUsedAt: new Date(1_700_000_500_000),
      },
    });
    expect([
      listed(await call('/v1/agent-registrations?used=true')),
      listed(await call('/v1/agent-registrations?used=false')),
    ]).toEqual([[second], [third, first]]);
    for (const query of ['limit=0', 'limit=x', 'used=maybe', 'other=1', 'before=dcr_x'])
      expect((await call(`/v1/agent-registrations?${query}`)).status).toBe(400);
  });

  test('are shown to nobody else, and nobody else removes one (S29)', async () => {
    const clientId = await registered();
    expect((await call('/v1/agent-registrations', { token: 'wrong' })).status).toBe(401);
    expect((await call(`/v1/agent-registrations/${clientId}`, { method: 'DELETE', token: 'wrong' })).status).toBe(401);
    expect([await database.dynamicRegistration.count(), isRevoked(clientId)]).toEqual([1, false]);
  });

  test('are none of an agent that an administrator declared, or of nobody: nothing is revoked (R18)', async () => {
    for (const clientId of ['dcr_unknown', 'notes-agent'])
      expect((await call(`/v1/agent-registrations/${clientId}`, { method: 'DELETE' })).status).toBe(404);
    expect(isRevoked('notes-agent')).toBe(false);
    const known = await registered();
    expect((await call(`/v1/agent-registrations/${known}?force=true`, { method: 'DELETE' })).status).toBe(400);
    expect((await call(`/v1/agent-registrations/dcr_unknown?clientId=${known}`, { method: 'DELETE' })).status).toBe(
      404,
    );
    expect(isRevoked(known)).toBe(false);
  });

  test('end at once even where no authorization server answers, and the registration is still there to be removed (R18, S28)', async () => {
    const clientId = await registered();
    expect((await call(`/v1/agent-registrations/${clientId}`, { method: 'DELETE' })).status).toBe(503);
    expect(await database.dynamicRegistration.count()).toBe(1);
    await eventually(() => isRevoked(clientId));
  });
});

describe('an authorization server that answers', () => {
  const removed: string[] = [];
  let outcome: CommandAnswer['outcome'] = 'done';
  let stopServing: Unsubscribe;
  beforeAll(async () => {
    const key = (await loadVerifyingKey(keys.configurationSigningPublic)).publicKey;
    stopServing = await messaging.serve(subjects.removeRegistration, async (payload): Promise<unknown> => {
      const { command: wire } = SignedCommandWire.parse(payload);
      const command = await verifyCommand(wire, 'remove-registration', key, systemClock);
      if (!command) return { v: 1, outcome: 'refused' };
      if (outcome === 'done') {
        removed.push(command.clientId);
        await database.dynamicRegistration.deleteMany({ where: { clientId: command.clientId } });
      }
      return { v: 1, outcome };
    });
  });
  afterAll(() => stopServing());

  test('removes the registration on a signed command, after the agent was revoked; the trail says why (S26, R80)', async () => {
    const [clientId, other] = [await registered(), await registered()];
    const answer = await call(`/v1/agent-registrations/${clientId}?reason=lost%20laptop`, { method: 'DELETE' });
    expect([answer.status, answer.body]).toEqual([200, { clientId, disconnected: 0 }]);
    expect([removed, listed(await call('/v1/agent-registrations'))]).toEqual([[clientId], [other]]);
    expect([isRevoked(clientId), isRevoked(other)]).toEqual([true, false]);
    const events = (await call('/v1/events?type=agent.registration_removal_requested')).body['events'] as Record<
      string,
      unknown
    >[];
    expect(events).toMatchObject([{ clientId, detail: { reason: 'lost laptop' } }]);
    expect((await call(`/v1/agent-registrations/${clientId}`, { method: 'DELETE' })).status).toBe(404);
  });

  test.each(['not_ready', 'refused'] as const)(
    'and says %s has it said to the administrator, who may send it again (R18)',
    async (answer) => {
      const clientId = await registered();
      outcome = answer;
      expect((await call(`/v1/agent-registrations/${clientId}`, { method: 'DELETE' })).status).toBe(503);
      outcome = 'done';
      expect((await call(`/v1/agent-registrations/${clientId}`, { method: 'DELETE' })).status).toBe(200);
    },
  );
});
