import { join } from 'node:path';
import { connectDatabase, type Database } from '@sallyport/database';
import { ensureDeploymentKeys } from '@sallyport/keys';
import { createInProcessMessaging, type Messaging } from '@sallyport/messaging';
import type { RunningService } from '@sallyport/process';
import { createLogger } from '@sallyport/telemetry';
import { eventually, makeScratch, removeScratch, startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startControlPlane } from '../start-control-plane.js';
import { ADMIN_TOKEN, testConfig } from '../test/test-config.js';

const scratch = makeScratch('users');
const messaging: Messaging = createInProcessMessaging();
let postgres: TestPostgres;
let database: Database;
let service: RunningService;

const userId = (character: string) => `usr_${'0'.repeat(25)}${character}`;
const sid = (character: string) => `ses_${'0'.repeat(25)}${character}`;
const [alice, bob, carol] = [userId('1'), userId('2'), userId('3')];

beforeAll(async () => {
  const [started, keys] = await Promise.all([
    startTestPostgres(),
    ensureDeploymentKeys(join(scratch, 'keys'), { gateways: [] }),
  ]);
  postgres = started;
  database = connectDatabase(postgres.url);
  service = await startControlPlane(await testConfig({ databaseUrl: postgres.url, keys }), {
    messaging,
    logger: createLogger({ name: 'test', level: 'error' }),
  });
  await database.user.createMany({
    data: [
      {
        id: alice,
        subject: 'a',
        email: 'alice@acme.example',
        name: 'Alice',
        groups: ['staff'],
        providerRoles: ['dev'],
      },
      { id: bob, subject: 'b', groups: [], providerRoles: [] },
      { id: carol, subject: 'c', email: 'carol@other.example', groups: ['staff', 'ops'], providerRoles: [] },
    ].map((user) => ({
      ...user,
      trustProvider: user.id === carol ? 'other' : 'acme',
      issuer: 'https://idp.example',
      createdAt: new Date(1_700_000_000_000),
      lastSignInAt: new Date(1_700_000_500_000),
    })),
  });
  await database.agentSession.createMany({
    data: ['1', '2', '3', '4'].map((character) => ({
      sid: sid(character),
      userId: character === '4' ? bob : alice,
      clientId: 'agent',
      agentName: 'Agent',
      assurance: 'asserted',
      grantDigest: character,
      ...(character === '2' && { endedAt: new Date() }),
    })),
  });
  await database.connection.createMany({
    data: ['notes', 'mail'].map((server) => ({
      id: `con_${server}`,
      userId: alice,
      server,
      credentialProvider: server,
      state: 'connected',
      issuer: 'https://as.example',
      resource: 'https://mcp.example',
      tokenEndpoint: 'https://as.example/token',
      targetOrigin: 'https://mcp.example',
      clientId: 'c',
      scopes: [],
      sealedCredential: new TextEncoder().encode('sealed-and-secret'),
    })),
  });
});
afterAll(async () => {
  await service.close();
  await messaging.close();
  await database.$disconnect();
  await postgres.stop();
  removeScratch(scratch);
});

const call = async (path: string, token = ADMIN_TOKEN) => {
  const response = await fetch(`${service.urls['admin']}${path}`, { headers: { authorization: `Bearer ${token}` } });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};
const listed = async (query: string) => {
  const { body } = await call(`/v1/users${query}`);
  return { ids: (body['users'] as { id: string }[]).map(({ id }) => id), next: body['next'] };
};

describe('users who have signed in', () => {
  test('are told with what their provider says of them and what they have here, and no more (R85, S30)', async () => {
    const { status, body } = await call(`/v1/users/${alice}`);
    expect(status).toBe(200);
    expect(body).toEqual({
      id: alice,
      trustProvider: 'acme',
      subject: 'a',
      name: 'Alice',
      email: 'alice@acme.example',
      groups: ['staff'],
      providerRoles: ['dev'],
      firstSignInAt: '2023-11-14T22:13:20.000Z',
      lastSignInAt: '2023-11-14T22:21:40.000Z',
      sessions: 2,
      connections: 2,
    });
    expect((await call(`/v1/users/${bob}`)).body).toMatchObject({
      name: null,
      email: null,
      sessions: 1,
      connections: 0,
    });
    expect((await call(`/v1/users/${userId('9')}`)).status).toBe(404);
  });

  test('are found by provider, group and address, page by page, newest first', async () => {
    expect(await listed('')).toEqual({ ids: [carol, bob, alice], next: null });
    expect(await listed('?trustProvider=acme')).toEqual({ ids: [bob, alice], next: null });
    expect(await listed('?group=staff')).toEqual({ ids: [carol, alice], next: null });
    expect(await listed('?email=alice%40acme.example')).toEqual({ ids: [alice], next: null });
    expect(await listed('?email=%25')).toEqual({ ids: [], next: null });
    expect(await listed('?limit=2')).toEqual({ ids: [carol, bob], next: bob });
    expect(await listed(`?limit=2&before=${bob}`)).toEqual({ ids: [alice], next: null });
    expect((await call('/v1/users?before=usr_1')).status).toBe(400);
    expect((await call('/v1/users?group=%00')).status).toBe(400);
    expect((await call('/v1/users', 'nobody')).status).toBe(401);
  });

  test('have no session any more that was revoked (S17)', async () => {
    const revoked = await fetch(`${service.urls['admin']}/v1/revocations`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ session: sid('4') }),
    });
    expect(revoked.status).toBe(201);
    await eventually(async () => (await call(`/v1/users/${bob}`)).body['sessions'] === 0);
  });
});
