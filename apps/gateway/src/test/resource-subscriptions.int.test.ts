import { Client as ModernClient, StreamableHTTPClientTransport as ModernTransport } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { Document } from '@sallyport/configuration';
import { newId } from '@sallyport/kernel';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startModernAskingServer } from './world/asking-servers.js';
import { startChangingServer } from './world/changing-server.js';
import type { ChangingServer } from './world/changing-server.js';
import { startGatewayWorld, testUser } from './world/gateway-world.js';
import type { GatewayWorld, TestUser } from './world/gateway-world.js';

let modern: Awaited<ReturnType<typeof startModernAskingServer>>;
let old: ChangingServer;
let mute: ChangingServer;
let world: GatewayWorld;

const policy = (name: string, resources: string[]) =>
  Document.parse({
    kind: 'AccessPolicy',
    name,
    spec: {
      hop: 'gateway-to-server',
      server: name,
      credentialProvider: name,
      tools: [{ match: ['*'] }],
      resources: [{ match: resources }],
    },
  });

beforeAll(async () => {
  [modern, old, mute] = await Promise.all([
    startModernAskingServer(),
    startChangingServer({ offersStream: true }),
    startChangingServer({ offersStream: false }),
  ]);
  const server = (name: string, url: string) => [
    Document.parse({ kind: 'McpServer', name, spec: { url, timeout: '5s' } }),
    Document.parse({ kind: 'CredentialProvider', name, spec: { type: 'none', server: name } }),
    policy(name, ['note://**']),
  ];
  world = await startGatewayWorld([
    Document.parse({ kind: 'OutboundNetwork', name: 'default', spec: { allow: [{ host: '127.0.0.1', http: true }] } }),
    Document.parse({ kind: 'AccessPolicy', name: 'everyone', spec: { hop: 'client-to-gateway' } }),
    ...server('modern', modern.url),
    ...server('old', old.url),
    ...server('mute', mute.url),
  ]);
  world.leasing = () => ({
    type: 'granted',
    headers: {},
    connectionId: null,
    connectionRevision: 1,
    expiresInSeconds: 600,
  });
});
afterAll(async () => {
  await world?.close();
  for (const server of [modern, old, mute]) await server?.close();
});

async function connected(user: TestUser, url = world.url, sessionId?: string) {
  const client = new Client({ name: 'v1', version: '1' });
  const heard: string[] = [];
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void heard.push(params.uri));
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers: { authorization: `Bearer ${await world.token(user, { aud: url })}` } },
    ...(sessionId === undefined ? {} : { sessionId }),
  });
  await client.connect(transport);
  if (sessionId !== undefined) transport.setProtocolVersion('2025-11-25');
  /** A call that runs until `release`. */
  const hold = async () => {
    const before = old.held.length;
    const answer = client.callTool({ name: 'old__hold', arguments: {} });
    await expect.poll(() => old.held.length, { timeout: 5_000 }).toBe(before + 1);
    return async () => {
      old.held.at(-1)?.();
      await answer;
    };
  };
  return { client, heard, transport, hold };
}

test('a client with a session hears on its open call of what it subscribed to, at a server of 2026-07-28 too, until it unsubscribes (B5, S13)', async () => {
  const { client, heard, hold } = await connected(testUser('alice'));
  expect(client.getServerCapabilities()?.resources).toEqual({ subscribe: true });
  await client.subscribeResource({ uri: 'via-modern+note://mine' });
  const release = await hold();
  modern.notify.resourceUpdated('note://other');
  modern.notify.resourceUpdated('note://mine');
  await expect.poll(() => heard).toEqual(['via-modern+note://mine']);
  await release();
  await client.unsubscribeResource({ uri: 'via-modern+note://mine' });
  const releaseAgain = await hold();
  modern.notify.resourceUpdated('note://mine');
  await releaseAgain();
  expect(heard).toEqual(['via-modern+note://mine']);
  await client.close();
});

test('an older server is asked in its own words, and what it tells in a call reaches those who subscribed (S13)', async () => {
  const { client, heard } = await connected(testUser('bob'));
  await client.callTool({ name: 'old__touch', arguments: {} });
  expect(heard).toEqual([]);
  await client.subscribeResource({ uri: 'via-old+note://mine' });
  expect(old.asked).toContain('subscribe note://mine');
  await client.callTool({ name: 'old__touch', arguments: {} });
  expect(heard).toEqual(['via-old+note://mine']);
  await client.unsubscribeResource({ uri: 'via-old+note://mine' });
  expect(old.asked).toContain('unsubscribe note://mine');
  await client.close();
});

test('a resource that is absent, hidden or of no server is one answer to a subscription (S15)', async () => {
  const { client } = await connected(testUser('carol'));
  const uris = ['via-old+note://absent', 'via-old+secret://mine', 'via-nobody+note://mine', 'note://mine'];
  const refusals = await Promise.all(
    uris.map((uri) =>
      client.subscribeResource({ uri }).then(
        () => 'subscribed',
        (error: Error) => error.message.replaceAll(uri, '<uri>'),
      ),
    ),
  );
  expect(new Set(refusals).size).toBe(1);
  expect(refusals[0]).not.toBe('subscribed');
  expect(old.asked).not.toContain('subscribe secret://mine');
  await client.close();
});

test('an update is not told once policy withholds the resource (S17)', async () => {
  const { client, heard, hold } = await connected(testUser('dave'));
  await client.subscribeResource({ uri: 'via-modern+note://mine' });
  await client.subscribeResource({ uri: 'via-modern+note://other' });
  const release = await hold();
  modern.notify.resourceUpdated('note://mine');
  await expect.poll(() => heard).toEqual(['via-modern+note://mine']);
  // What was permitted first still is; the other one is not.
  await world.change({ puts: [policy('modern', ['note://mine'])] });
  await expect
    .poll(() =>
      client.readResource({ uri: 'via-modern+note://other' }).then(
        () => 'read',
        (error: Error) => error.message,
      ),
    )
    .toMatch(/-32602/);
  modern.notify.resourceUpdated('note://other');
  modern.notify.resourceUpdated('note://mine');
  await expect.poll(() => heard.length).toBeGreaterThan(1);
  expect(new Set(heard)).toEqual(new Set(['via-modern+note://mine']));
  await world.change({ puts: [policy('modern', ['note://**'])] });
  await release();
  await client.close();
});

test('a subscription made at one replica is known to the others, and belongs to its session (B11)', async () => {
  const user = testUser('erin');
  const replica = await world.startReplica('gateway-2');
  await expect.poll(() => replica.readiness().status, { timeout: 5_000 }).toBe('ready');
  const first = await connected(user);
  await first.client.subscribeResource({ uri: 'via-old+note://mine' });
  const other = await connected(user);
  await other.client.callTool({ name: 'old__touch', arguments: {} });
  expect(other.heard).toEqual([]);
  const there = await connected(user, `${replica.urls['listening']}/mcp`, first.transport.sessionId);
  await there.client.callTool({ name: 'old__touch', arguments: {} });
  expect(there.heard).toEqual(['via-old+note://mine']);
  await Promise.all([first, other, there].map(({ client }) => client.close()));
});

test('a session holds so many subscriptions and no more', async () => {
  const { client } = await connected(testUser('frank'));
  for (let i = 0; i < 64; i++) await client.subscribeResource({ uri: `via-old+note://${i}` });
  await expect(client.subscribeResource({ uri: 'via-old+note://64' })).rejects.toThrow(/subscriptions/);
  await client.unsubscribeResource({ uri: 'via-old+note://0' });
  await expect(client.subscribeResource({ uri: 'via-old+note://64' })).resolves.toEqual({});
  await client.close();
});

/** A client of 2026-07-28 that listens. */
async function listening(user: TestUser, url = world.url) {
  const client = new ModernClient(
    { name: 'v2', version: '1' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  );
  const heard: string[] = [];
  client.setNotificationHandler('notifications/tools/list_changed', () => void heard.push('tools'));
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => void heard.push(params.uri));
  await client.connect(
    new ModernTransport(new URL(url), {
      requestInit: { headers: { authorization: `Bearer ${await world.token(user)}` } },
    }),
  );
  return { client, heard };
}

test('a server of 2025-11-25 feeds the subscriptions of clients of 2026-07-28 from one stream of its own, while somebody listens (B5, S13)', async () => {
  await expect.poll(() => old.streams.open, { timeout: 5_000 }).toBe(0);
  const opened = old.streams.opened;
  const gina = testUser('gina');
  const [one, two] = await Promise.all([listening(gina), listening(gina)]);
  const first = await one.client.listen({
    toolsListChanged: true,
    resourceSubscriptions: ['via-old+note://mine', 'via-old+secret://mine'],
  });
  const second = await two.client.listen({ resourceSubscriptions: ['via-old+note://other'] });
  expect(first.honoredFilter.resourceSubscriptions).toEqual(['via-old+note://mine']);
  expect(second.honoredFilter).toEqual({ resourceSubscriptions: ['via-old+note://other'] });
  expect(old.streams.opened).toBe(opened + 1);
  for (const uri of ['secret://mine', 'note://mine', 'note://other']) await old.updated(uri);
  old.toolsChanged();
  await expect.poll(() => one.heard).toEqual(['via-old+note://mine', 'tools']);
  await expect.poll(() => two.heard).toEqual(['via-old+note://other']);
  await first.close();
  await expect.poll(() => old.asked.at(-1)).toBe('unsubscribe note://mine');
  expect(old.streams.open).toBe(1);
  await second.close();
  await expect.poll(() => old.streams.open, { timeout: 5_000 }).toBe(0);
  await Promise.all([one, two].map(({ client }) => client.close()));
});

test('an older server without a stream of its own, or without the resource, takes no part (B5)', async () => {
  const { client } = await listening(testUser('ines'));
  const subscription = await client.listen({
    toolsListChanged: true,
    resourceSubscriptions: ['via-mute+note://mine', 'via-old+note://absent', 'via-old+note://mine'],
  });
  expect(subscription.honoredFilter).toEqual({
    toolsListChanged: true,
    resourceSubscriptions: ['via-old+note://mine'],
  });
  expect(mute.asked).toEqual([]);
  await subscription.close();
  await client.close();
});

test('what an older server announces by itself reaches a client with a session while its call runs', async () => {
  const { client, heard, hold } = await connected(testUser('jon'));
  await client.subscribeResource({ uri: 'via-old+note://mine' });
  const release = await hold();
  await old.updated('note://mine');
  await expect.poll(() => heard).toEqual(['via-old+note://mine']);
  await release();
  await expect.poll(() => old.streams.open, { timeout: 5_000 }).toBe(0);
  await client.close();
});

test('one client that unsubscribes takes nothing from another one who shares the session at the server (S13)', async () => {
  const kim = testUser('kim');
  const listener = await listening(kim);
  const subscription = await listener.client.listen({ resourceSubscriptions: ['via-old+note://shared'] });
  const { client } = await connected(kim);
  await client.subscribeResource({ uri: 'via-old+note://shared' });
  await client.unsubscribeResource({ uri: 'via-old+note://shared' });
  expect(old.asked).not.toContain('unsubscribe note://shared');
  await subscription.close();
  await expect.poll(() => old.asked).toContain('unsubscribe note://shared');
  await Promise.all([client.close(), listener.client.close()]);
});

test('the stream of an older server ends when the sign-in of its last listener is revoked (S17)', async () => {
  await expect.poll(() => old.streams.open, { timeout: 5_000 }).toBe(0);
  const mia = testUser('mia');
  const { client, heard } = await listening(mia);
  await client.listen({ resourceSubscriptions: ['via-old+note://mine'] });
  expect(old.streams.open).toBe(1);
  await world.change({
    revocations: [
      {
        id: newId('rev'),
        subject: { type: 'session', sid: mia.sid },
        notBefore: Math.floor(Date.now() / 1000) + 60,
        expiresAt: null,
      },
    ],
  });
  await expect.poll(() => old.streams.open, { timeout: 5_000 }).toBe(0);
  expect(heard).toEqual([]);
  await client.close();
});

test('what an older server tells in a call is not passed on once policy withholds the resource (S17)', async () => {
  const { client, heard } = await connected(testUser('nils'));
  await client.subscribeResource({ uri: 'via-old+note://mine' });
  await client.subscribeResource({ uri: 'via-old+note://other' });
  await world.change({ puts: [policy('old', ['note://other'])] });
  await expect
    .poll(() =>
      client.readResource({ uri: 'via-old+note://mine' }).then(
        () => 'read',
        (error: Error) => error.message,
      ),
    )
    .toMatch(/-32602/);
  await client.callTool({ name: 'old__touch', arguments: {} });
  expect(heard).toEqual(['via-old+note://other']);
  await world.change({ puts: [policy('old', ['note://**'])] });
  await client.close();
});
