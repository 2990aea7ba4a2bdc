import { join } from 'node:path';
import { Controller, Module, type INestMicroservice } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { ConfigurationReplica, verifyCommand } from '@sallyport/configuration';
import { connectDatabase, type Database } from '@sallyport/database';
import type { RunningService } from '@sallyport/http';
import { Secret, systemClock } from '@sallyport/kernel';
import { ensureDeploymentKeys, loadVerifyingKey, type DeploymentKeyFiles } from '@sallyport/keys';
import { subjects, type CommandAnswer } from '@sallyport/messages';
import { createInProcessMessaging, type Messaging } from '@sallyport/messaging';
import { createLogger } from '@sallyport/telemetry';
import {
  eventually,
  freePort,
  makeScratch,
  removeScratch,
  startTestPostgres,
  type TestPostgres,
} from '@sallyport/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startControlPlane } from '../start-control-plane.js';

const ADMIN_TOKEN = 'sp_admin_test_0123456789abcdefghijklmnop';
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
  const port = await freePort();
  service = await startControlPlane(
    {
      publicUrl: `http://127.0.0.1:${port}`,
      gatewayUrl: 'http://127.0.0.1:7400',
      issuer: 'http://127.0.0.1:7401',
      jwksUrl: 'http://127.0.0.1:7401/jwks',
      host: '127.0.0.1',
      port,
      databaseUrl: new Secret(postgres.url),
      adminToken: new Secret(ADMIN_TOKEN),
      declarativeFile: null,
      secretVariables: {},
      keys: {
        masterKeyFile: keys.master,
        configurationSigningKeyFile: keys.configurationSigning,
        leaseKeyFile: keys.lease,
        leaseSigningKeyFile: keys.leaseSigning,
        enrolledGateways: keys.gateways,
      },
      replica: 'control-plane',
      authorizationServers: ['authorization-server'],
      stalenessBoundMs: 300_000,
      heartbeatIntervalMs: 200,
      maxConnections: 10_000,
      trustedProxies: [],
      extraCertificateAuthorities: [],
    },
    { messaging, logger: createLogger({ name: 'test', level: 'error' }) },
  );
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
    expect([
      listed(page),
      page.body['next'],
      listed(await call(`/v1/agent-registrations?limit=2&before=${second}`)),
    ]).toEqual([[third, second], second, [first]]);
    expect([
      listed(await call('/v1/agent-registrations?used=true')),
      listed(await call('/v1/agent-registrations?used=false')),
    ]).toEqual([[second], [third, first]]);
    for (const query of ['limit=0', 'limit=x', 'used=maybe', 'other=1'])
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
  let responder: INestMicroservice;
  beforeAll(async () => {
    const key = (await loadVerifyingKey(keys.configurationSigningPublic)).publicKey;
    @Controller()
    class AuthorizationServer {
      @MessagePattern(subjects.removeRegistration)
      async remove(@Payload() { command: wire }: { command: string }): Promise<CommandAnswer> {
        const command = await verifyCommand(wire, 'remove-registration', key, systemClock);
        if (!command) return { v: 1, outcome: 'refused' };
        if (outcome === 'done') {
          removed.push(command.clientId);
          await database.dynamicRegistration.deleteMany({ where: { clientId: command.clientId } });
        }
        return { v: 1, outcome };
      }
    }
    @Module({ controllers: [AuthorizationServer] })
    class AuthorizationServerModule {}
    responder = await NestFactory.createMicroservice(AuthorizationServerModule, {
      ...messaging.server('authorization-server'),
      logger: false,
    });
    await responder.listen();
  });
  afterAll(() => responder.close());

  test('removes the registration on a signed command, after the agent was revoked; the trail says why (R18, S26, S28, R80)', async () => {
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
