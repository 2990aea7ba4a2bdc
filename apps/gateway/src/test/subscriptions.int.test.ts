import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Document } from '@sallyport/configuration';
import { newId } from '@sallyport/kernel';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startLegacyAskingServer, startModernAskingServer } from './world/asking-servers.js';
import { modernRequest, postByHand } from './world/by-hand.js';
import { startGatewayWorld, testUser } from './world/gateway-world.js';
import type { GatewayWorld, TestUser } from './world/gateway-world.js';

let one: Awaited<ReturnType<typeof startModernAskingServer>>;
let two: typeof one;
let old: Awaited<ReturnType<typeof startLegacyAskingServer>>;
let world: GatewayWorld;

beforeAll(async () => {
  [one, two, old] = await Promise.all([
    startModernAskingServer(),
    startModernAskingServer(),
    startLegacyAskingServer(),
  ]);
  const server = (name: string, url: string, resources: object[]) => [
    Document.parse({ kind: 'McpServer', name, spec: { url, timeout: '60s' } }),
    Document.parse({ kind: 'CredentialProvider', name, spec: { type: 'none', server: name } }),
    Document.parse({
      kind: 'AccessPolicy',
      name,
      spec: { hop: 'gateway-to-server', server: name, credentialProvider: name, tools: [{ match: ['*'] }], resources },
    }),
  ];
  world = await startGatewayWorld([
    Document.parse({ kind: 'OutboundNetwork', name: 'default', spec: { allow: [{ host: '127.0.0.1', http: true }] } }),
    Document.parse({ kind: 'AccessPolicy', name: 'everyone', spec: { hop: 'client-to-gateway' } }),
    ...server('one', one.url, [{ match: ['note://**'] }]),
    ...server('two', two.url, []),
    ...server('old', old.url, []),
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
  for (const server of [one, two, old]) await server?.close();
});

async function listening(user: TestUser) {
  const client = new Client({ name: 'v2', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  const heard: string[] = [];
  client.setNotificationHandler('notifications/tools/list_changed', () => void heard.push('tools'));
  client.setNotificationHandler('notifications/resources/updated', ({ params }) => void heard.push(params.uri));
  await client.connect(
    new StreamableHTTPClientTransport(new URL(world.url), {
      requestInit: { headers: { authorization: `Bearer ${await world.token(user)}` } },
    }),
  );
  return { client, heard };
}
const asked = {
  toolsListChanged: true,
  resourceSubscriptions: ['via-one+note://mine', 'via-two+note://mine', 'via-one+note://other', 'note://mine'],
};

test('one subscription hears of all servers, under public URIs, and only of what may be read (S15)', async () => {
  const { client, heard } = await listening(testUser('alice'));
  const subscription = await client.listen(asked);
  expect(subscription.honoredFilter.toolsListChanged).toBe(true);
  expect(subscription.honoredFilter.resourceSubscriptions).toEqual(['via-one+note://mine', 'via-one+note://other']);
  one.notify.resourceUpdated('note://mine');
  two.notify.resourceUpdated('note://mine');
  one.notify.resourceUpdated('note://secret');
  await expect.poll(() => heard).toEqual(['via-one+note://mine']);
  two.notify.toolsChanged();
  await expect.poll(() => heard).toEqual(['via-one+note://mine', 'tools']);
  await subscription.close();
  await client.close();
});

test('a server that tells more than it was asked for is not passed on (S13)', async () => {
  const say = (method: string, params: object) => `data: ${JSON.stringify({ jsonrpc: '2.0', method, params })}\n\n`;
  const server = createServer((request, response) => {
    void (async () => {
      let text = '';
      for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) text += chunk;
      if (!text.includes('subscriptions/listen'))
        return void response
          .writeHead(200, { 'content-type': 'application/json' })
          .end('{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","tools":[]}}');
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(
        say('notifications/subscriptions/acknowledged', {
          notifications: {
            toolsListChanged: true,
            promptsListChanged: true,
            resourceSubscriptions: ['note://mine', 'note://theirs'],
          },
        }),
      );
      response.write(
        say('notifications/resources/updated', { uri: 'note://theirs' }) +
          say('notifications/prompts/list_changed', {}) +
          say('notifications/message', { level: 'error', data: 'x' }) +
          say('notifications/resources/updated', { uri: 'note://mine' }),
      );
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { client, heard } = await listening(testUser('erin'));
  await world.change({
    puts: [
      Document.parse({
        kind: 'McpServer',
        name: 'loud',
        spec: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`, timeout: '5s' },
      }),
      Document.parse({ kind: 'CredentialProvider', name: 'loud', spec: { type: 'none', server: 'loud' } }),
      Document.parse({
        kind: 'AccessPolicy',
        name: 'loud',
        spec: {
          hop: 'gateway-to-server',
          server: 'loud',
          credentialProvider: 'loud',
          tools: [],
          resources: [{ match: ['note://**'] }],
        },
      }),
    ],
  });
  let subscription: Awaited<ReturnType<Client['listen']>> | undefined;
  await expect
    .poll(
      async () => {
        await subscription?.close();
        subscription = await client.listen({ resourceSubscriptions: ['via-loud+note://mine'] });
        return subscription.honoredFilter;
      },
      { timeout: 5_000 },
    )
    .toEqual({ resourceSubscriptions: ['via-loud+note://mine'] });
  await expect.poll(() => heard.at(-1)).toBe('via-loud+note://mine');
  expect(new Set(heard)).toEqual(new Set(['via-loud+note://mine']));
  await client.close();
  await world.change({
    deletes: [
      { kind: 'AccessPolicy', name: 'loud' },
      { kind: 'CredentialProvider', name: 'loud' },
      { kind: 'McpServer', name: 'loud' },
    ],
  });
  server.closeAllConnections();
  server.close();
});

/** One more server, `odd`, that does with a subscription what it is told here. */
async function withOddServer(
  subscribed: (write: (text: string) => void, end: () => void) => void,
  use: () => Promise<void>,
) {
  const server = createServer((request, response) => {
    void (async () => {
      let text = '';
      for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) text += chunk;
      if (!text.includes('subscriptions/listen'))
        return void response
          .writeHead(200, { 'content-type': 'application/json' })
          .end('{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","tools":[]}}');
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      subscribed(
        (said) => void (response.destroyed || response.write(said)),
        () => response.end(),
      );
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  await world.change({
    puts: [
      Document.parse({
        kind: 'McpServer',
        name: 'odd',
        spec: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`, timeout: '5s' },
      }),
      Document.parse({ kind: 'CredentialProvider', name: 'odd', spec: { type: 'none', server: 'odd' } }),
      Document.parse({
        kind: 'AccessPolicy',
        name: 'odd',
        spec: { hop: 'gateway-to-server', server: 'odd', credentialProvider: 'odd', tools: [{ match: ['*'] }] },
      }),
    ],
  });
  try {
    await use();
  } finally {
    await world.change({
      deletes: [
        { kind: 'AccessPolicy', name: 'odd' },
        { kind: 'CredentialProvider', name: 'odd' },
        { kind: 'McpServer', name: 'odd' },
      ],
    });
    server.closeAllConnections();
    server.close();
  }
}
const event = (method: string, params: object = {}) =>
  `data: ${JSON.stringify({ jsonrpc: '2.0', method, params })}\n\n`;

test('a server that drips instead of agreeing keeps nobody from the others (B5)', async () => {
  let asked = 0;
  const timers: NodeJS.Timeout[] = [];
  await withOddServer(
    (write) => {
      asked += 1;
      timers.push(setInterval(() => write(':\n\n'), 50));
    },
    async () => {
      const { client, heard } = await listening(testUser('fay'));
      await expect
        .poll(async () => {
          await (
            await client.listen({ resourceSubscriptions: ['via-one+note://mine'], toolsListChanged: true })
          ).close();
          return asked;
        })
        .toBeGreaterThan(0);
      const { honoredFilter } = await client.listen({
        resourceSubscriptions: ['via-one+note://mine'],
        toolsListChanged: true,
      });
      expect(honoredFilter.resourceSubscriptions).toEqual(['via-one+note://mine']);
      one.notify.resourceUpdated('note://mine');
      await expect.poll(() => heard).toContain('via-one+note://mine');
      await client.close();
    },
  );
  for (const timer of timers) clearInterval(timer);
});

test('a storm of changes waits at the server that makes it (S13)', async () => {
  await withOddServer(
    (write) =>
      write(
        event('notifications/subscriptions/acknowledged', { notifications: { toolsListChanged: true } }) +
          event('notifications/tools/list_changed').repeat(2_000),
      ),
    async () => {
      const { client, heard } = await listening(testUser('gil'));
      await expect
        .poll(async () => {
          if (heard.length === 0) await client.listen({ toolsListChanged: true });
          return heard.length;
        })
        .toBeGreaterThan(0);
      const before = heard.length;
      await expect.poll(() => heard.length).toBeGreaterThan(before + 3);
      // Ten in a second at most, by each of the few subscriptions that are open by now.
      expect(heard.length).toBeLessThan(500);
      await client.close();
    },
  );
});

test('a change of configuration is a change of lists', async () => {
  const { client, heard } = await listening(testUser('bob'));
  await client.listen({ toolsListChanged: true });
  await world.change({ puts: [Document.parse({ kind: 'Role', name: 'new', spec: { scopes: ['a.b'], members: [] } })] });
  await expect.poll(() => heard, { timeout: 5_000 }).toEqual(['tools']);
  await client.close();
});

test('a subscription ends when its agent session is revoked (S17)', async () => {
  const carol = testUser('carol');
  const { client, heard } = await listening(carol);
  const subscription = await client.listen({ toolsListChanged: true });
  let isClosed = false;
  void subscription.closed.then(() => (isClosed = true));
  await world.change({
    revocations: [
      {
        id: newId('rev'),
        subject: { type: 'session', sid: carol.sid },
        notBefore: Math.floor(Date.now() / 1000) + 60,
        expiresAt: null,
      },
    ],
  });
  await expect.poll(() => isClosed, { timeout: 5_000 }).toBe(true);
  expect(heard).toEqual([]);
  await client.close();
});

test('a user has so many subscriptions and no more', async () => {
  const token = await world.token(testUser('dave'));
  const stop = new AbortController();
  const open = async () => {
    const { body, headers } = modernRequest('subscriptions/listen', { notifications: { toolsListChanged: true } });
    return await fetch(world.url, {
      method: 'POST',
      signal: stop.signal,
      body: JSON.stringify(body),
      headers: { ...headers, 'content-type': 'application/json', authorization: `Bearer ${token}` },
    });
  };
  const held: Response[] = [];
  while (held.length < 16) held.push(await open());
  expect(held.map(({ status }) => status)).toEqual(held.map(() => 200));
  const refused = await open();
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '5']);
  expect(held.every(({ bodyUsed }) => !bodyUsed)).toBe(true);
  stop.abort();
  await expect
    .poll(async () => (await postByHand(world.url, token, { ...modernRequest('server/discover') })).status)
    .toBe(200);
});

test('a server that ends subscriptions again and again is left out for a while, and asked again after it (S17)', async () => {
  let listened = 0;
  const agree = `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params: { notifications: { toolsListChanged: true } } })}\n\n`;
  await withOddServer(
    (write, end) => {
      listened += 1;
      write(agree);
      end();
    },
    async () => {
      const token = await world.token(testUser('frank'));
      const subscribe = () =>
        postByHand(
          `${world.url}/odd`,
          token,
          modernRequest('subscriptions/listen', { notifications: { toolsListChanged: true } }),
        );
      await expect.poll(async () => (await subscribe()).status === 200 && listened).toBe(1);
      await subscribe();
      expect(listened).toBe(2);
      // This one stays open without the server, and ends when it may take part again.
      expect((await subscribe()).json?.result).toMatchObject({ resultType: 'complete' });
      expect(listened).toBe(2);
      await subscribe();
      expect(listened).toBe(3);
    },
  );
});

test('a user has so many calls under way and no more, and others have theirs', async () => {
  const [grace, heidi] = [await world.token(testUser('grace')), await world.token(testUser('heidi'))];
  const stop = new AbortController();
  const { body, headers } = modernRequest('tools/call', { name: 'one__hang', arguments: {} });
  const send = (token: string) =>
    fetch(world.url, {
      method: 'POST',
      signal: stop.signal,
      body: JSON.stringify(body),
      headers: { ...headers, 'content-type': 'application/json', authorization: `Bearer ${token}` },
    });
  const before = one.received.filter((method) => method === 'tools/call').length;
  const held = Array.from({ length: 256 }, () => send(grace).catch(() => undefined));
  await expect.poll(() => one.received.filter((method) => method === 'tools/call').length - before).toBe(256);
  expect((await send(grace)).status).toBe(429);
  expect((await postByHand(world.url, heidi, modernRequest('tools/list'))).status).toBe(200);
  stop.abort();
  await Promise.all(held);
  await expect
    .poll(async () => (await postByHand(world.url, grace, modernRequest('server/discover'))).status)
    .toBe(200);
});
