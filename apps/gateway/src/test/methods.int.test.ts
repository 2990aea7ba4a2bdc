import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { Document } from '@sallyport/configuration';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import { startGatewayWorld, testUser } from './world/gateway-world.js';
import type { GatewayWorld, TestUser } from './world/gateway-world.js';
import { startLegacyStubServer } from './world/legacy-stub-server.js';
import type { LegacyStubServer } from './world/legacy-stub-server.js';
import { startStubServer } from './world/stub-server.js';
import type { StubServer } from './world/stub-server.js';

let notes: StubServer;
let archive: LegacyStubServer;
let world: GatewayWorld;
const PAGE = 4_096;

const documents = () =>
  [
    { kind: 'OutboundNetwork', name: 'default', spec: { allow: [{ host: '127.0.0.1', http: true }] } },
    { kind: 'Role', name: 'reader', spec: { scopes: ['notes.read', 'notes.write'] } },
    { kind: 'McpServer', name: 'archive', spec: { url: archive.url, timeout: '5s' } },
    { kind: 'McpServer', name: 'notes', spec: { url: notes.url, title: 'Notes', timeout: '5s' } },
    { kind: 'CredentialProvider', name: 'archive-users', spec: { type: 'mcp-user-oauth', server: 'archive' } },
    { kind: 'CredentialProvider', name: 'notes-users', spec: { type: 'mcp-user-oauth', server: 'notes' } },
    { kind: 'AccessPolicy', name: 'everyone', spec: { hop: 'client-to-gateway' } },
    {
      kind: 'AccessPolicy',
      name: 'archive',
      spec: {
        hop: 'gateway-to-server',
        server: 'archive',
        credentialProvider: 'archive-users',
        tools: [{ match: ['*'] }],
        prompts: [{ match: ['*'] }],
        resources: [{ match: ['archive://1*'] }],
      },
    },
    {
      kind: 'AccessPolicy',
      name: 'notes',
      spec: {
        hop: 'gateway-to-server',
        server: 'notes',
        credentialProvider: 'notes-users',
        tools: [{ match: ['*'] }, { match: ['secret'], roles: ['boss'] }],
        prompts: [
          { match: ['*'] },
          { match: ['draft'], scope: 'notes.write' },
          { match: ['reserved'], roles: ['boss'] },
        ],
        resources: [{ match: ['note://**'] }],
      },
    },
  ].map((document) => Document.parse(document));

const bearer = (user: TestUser) => `Bearer down-${user.userId}`;
function newUser(subject: string): TestUser {
  const user = testUser(subject);
  notes.bearers.set(bearer(user), subject);
  return user;
}

beforeAll(async () => {
  [notes, archive] = await Promise.all([startStubServer(), startLegacyStubServer()]);
  // A busy machine takes seconds for the first contact with a server: a list goes without it then.
  world = await startGatewayWorld(documents(), { listPageLength: PAGE, listTimeoutMs: 10_000 });
  world.leasing = ({ server }, user) => ({
    type: 'granted',
    headers: { authorization: `Bearer down-${user.userId}` },
    connectionId: `con_${server}`,
    connectionRevision: 1,
    expiresInSeconds: 600,
  });
});
afterEach(() => {
  notes.misbehave = undefined;
});
afterAll(async () => {
  await world?.close();
  await Promise.all([notes?.close(), archive?.close()]);
});

async function modernClient(user: TestUser): Promise<Client> {
  const client = new Client({ name: 'v2', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(world.url), {
      requestInit: { headers: { authorization: `Bearer ${await world.token(user)}` } },
    }),
  );
  return client;
}
async function legacyClient(user: TestUser): Promise<LegacyClient> {
  const client = new LegacyClient({ name: 'v1', version: '1' });
  await client.connect(
    new LegacyTransport(new URL(world.url), {
      requestInit: { headers: { authorization: `Bearer ${await world.token(user)}` } },
    }),
  );
  return client;
}
const clients = [
  ['2026-07-28', modernClient],
  ['2025-11-25', legacyClient],
] as const;
const send = async (user: TestUser, method: string, params: Record<string, unknown> = {}) =>
  await postByHand(world.url, await world.token(user), modernRequest(method, params));

describe.each(clients)('an agent of %s', (version, connect) => {
  test('sees the prompts of all servers it may use, prefixed, and gets one from its server alone (R54, R57)', async () => {
    const alice = newUser('alice');
    const client = await connect(alice);
    const { prompts } = await client.listPrompts();
    expect(prompts.map(({ name }) => name)).toEqual(['archive__recall', 'notes__draft', 'notes__summary']);
    const { messages } = await client.getPrompt({ name: 'notes__summary', arguments: { topic: 'alpha' } });
    expect(messages.map(({ content }) => content)).toEqual([
      { type: 'text', text: 'alice, sum up alpha' },
      { type: 'resource', resource: { uri: 'via-notes+note://topics/alpha', text: 'x' } },
    ]);
    expect(notes.seen.at(-1)).toMatchObject({
      headers: { authorization: bearer(alice), 'mcp-name': 'summary' },
      body: { method: 'prompts/get', params: { name: 'summary', arguments: { topic: 'alpha' } } },
    });
    expect((await client.getPrompt({ name: 'archive__recall', arguments: { year: '1999' } })).messages).toEqual([
      { role: 'user', content: { type: 'text', text: 'recall 1999' } },
    ]);
    expect(archive.seen.at(-1)?.headers.authorization).toBe(bearer(alice));
    await client.close();
  });
  test('is suggested what prompts and templates take, by the server they belong to (R62)', async () => {
    const client = await connect(newUser('bob'));
    const complete = async (
      ref: { type: 'ref/prompt'; name: string } | { type: 'ref/resource'; uri: string },
      name: string,
      value: string,
    ) => (await client.complete({ ref, argument: { name, value } })).completion.values;
    expect(await complete({ type: 'ref/prompt', name: 'notes__summary' }, 'topic', 'a')).toEqual(['alpha']);
    expect(await complete({ type: 'ref/resource', uri: 'via-notes+note://topics/{topic}' }, 'topic', 'b')).toEqual([
      'beta',
    ]);
    expect(await complete({ type: 'ref/prompt', name: 'archive__recall' }, 'year', '2')).toEqual(['2001']);
    await client.close();
  });
  test('sees templates under their server, but none whose resources it may never read (R60) (S13)', async () => {
    const client = await connect(newUser('carol'));
    const { resourceTemplates } = await client.listResourceTemplates();
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual([
      'via-archive+archive://{year}',
      'via-notes+note://topics/{topic}',
    ]);
    expect((await client.readResource({ uri: 'via-notes+note://topics/alpha' })).contents).toEqual([
      { uri: 'via-notes+note://topics/alpha', text: 'carol on alpha' },
    ]);
    expect((await client.readResource({ uri: 'via-archive+archive://1999' })).contents).toEqual([
      { uri: 'via-archive+archive://1999', text: 'dust' },
    ]);
    await expect(client.readResource({ uri: 'via-archive+archive://2001' })).rejects.toMatchObject({ code: -32602 });
    await client.close();
  });
  test('reads the view of a tool it may call, under its server, and no other view (R65) (S13)', async () => {
    const client = await connect(newUser('dora'));
    const { tools } = await client.listTools();
    expect(tools.find(({ name }) => name === 'notes__board')?._meta).toEqual({
      ui: { resourceUri: 'ui://via-notes/board/main.html' },
    });
    expect((await client.readResource({ uri: 'ui://via-notes/board/main.html' })).contents).toEqual([
      {
        uri: 'ui://via-notes/board/main.html',
        mimeType: 'text/html;profile=mcp-app',
        text: '<p>dora</p>',
        _meta: { ui: { csp: { connectDomains: ['https://api.example'] } } },
      },
    ]);
    await expect(client.readResource({ uri: 'ui://via-notes/secret/main.html' })).rejects.toMatchObject({
      code: -32602,
    });
    await expect(client.readResource({ uri: 'ui://via-archive/board/main.html' })).rejects.toMatchObject({
      code: -32602,
    });
    await client.close();
  });
  test('is told of the capabilities that are relayed, and of no other', async () => {
    const client = await connect(newUser('erik'));
    const changes = version === '2026-07-28' ? { listChanged: true } : {}; // an older client has no channel for those of lists
    expect(client.getServerCapabilities()).toEqual({
      tools: changes,
      prompts: changes,
      resources: { ...changes, subscribe: true },
      completions: {},
      logging: {},
      ...(version === '2026-07-28' ? { extensions: { 'io.modelcontextprotocol/tasks': {} } } : {}),
    });
    await client.close();
  });
});

describe('prompts and templates', () => {
  test('that policy hides answer as those that are not there (S15) (R22)', async () => {
    const user = newUser('fay');
    const [hidden, absent] = [
      await send(user, 'prompts/get', { name: 'notes__reserved' }),
      await send(user, 'prompts/get', { name: 'notes__nothing' }),
    ];
    expect(hidden.json?.error).toEqual({
      code: -32602,
      message: expect.stringMatching(/^Unknown prompt: notes__reserved\. /),
    });
    expect([absent.status, JSON.stringify(absent.json?.error).replace('nothing', 'reserved')]).toEqual([
      hidden.status,
      JSON.stringify(hidden.json?.error),
    ]);
    expect(notes.seen.some(({ body }) => body.method === 'prompts/get' && body.params['name'] === 'reserved')).toBe(
      false,
    );
    for (const ref of [
      { type: 'ref/prompt', name: 'notes__reserved' },
      { type: 'ref/resource', uri: 'via-notes+file:///{name}' },
      { type: 'ref/resource', uri: 'via-archive+archive://{year}' },
    ]) {
      expect(
        (await send(user, 'completion/complete', { ref, argument: { name: 'x', value: '' } })).json?.error?.code,
      ).toBe(-32602);
    }
  });
  test('that need a scope are listed, and ask for it when they are used (R31) (R62)', async () => {
    const user = newUser('finn');
    const before = notes.seen.length;
    for (const [method, params] of [
      ['prompts/get', { name: 'notes__draft' }],
      [
        'completion/complete',
        { ref: { type: 'ref/prompt', name: 'notes__draft' }, argument: { name: 'x', value: '' } },
      ],
    ] as const) {
      const answer = await send(newUser(`finn-${method}`), method, params);
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
        403,
        expect.stringContaining('scope="notes.read notes.write"'),
      ]);
    }
    expect(notes.seen.slice(before).map(({ body }) => body.method)).toEqual(['prompts/list', 'prompts/list']);
    const token = await world.token(user, { scope: 'notes.read notes.write' });
    expect(
      (await postByHand(world.url, token, modernRequest('prompts/get', { name: 'notes__draft' }))).json?.result?.[
        'messages'
      ],
    ).toEqual([{ role: 'user', content: { type: 'text', text: 'draft' } }]);
  });
  test('of a server that suggests nothing have no suggestions', async () => {
    notes.misbehave = ({ body }) =>
      body.method === 'completion/complete'
        ? {
            status: 404,
            body: JSON.stringify({ jsonrpc: '2.0', id: body.id, error: { code: -32601, message: 'Method not found' } }),
          }
        : undefined;
    expect(
      (
        await send(newUser('gil'), 'completion/complete', {
          ref: { type: 'ref/prompt', name: 'notes__summary' },
          argument: { name: 'topic', value: '' },
        })
      ).json?.result,
    ).toEqual({ resultType: 'complete', completion: { values: [] } });
  });
  test('are recorded with their server, name and policies (R74) (R29)', async () => {
    const user = newUser('hana');
    await send(user, 'prompts/get', { name: 'notes__summary', arguments: { topic: 'alpha' } });
    await expect
      .poll(() => world.records.find(({ userId, method }) => userId === user.userId && method === 'prompts/get'))
      .toMatchObject({
        server: 'notes',
        target: 'summary',
        decision: 'allow',
        policies: { clientToGateway: 'everyone', gatewayToServer: 'notes' },
      });
  });
});

describe('log messages', () => {
  const levelsIn = (text: string) => [...text.matchAll(/"level":"(\w+)"/g)].map(([, level]) => level);
  test('reach an agent of 2026-07-28 from the level it asked for, on that request alone, whatever the server speaks', async () => {
    const user = newUser('ivo');
    for (const tool of ['notes__logs', 'archive__logs']) {
      const logged = async (level?: string) =>
        levelsIn(
          (
            await send(user, 'tools/call', {
              name: tool,
              arguments: {},
              _meta: level === undefined ? {} : { 'io.modelcontextprotocol/logLevel': level },
            })
          ).text,
        );
      expect(await logged('error')).toEqual(['error']);
      expect(await logged('debug')).toEqual(['debug', 'info', 'error']);
      expect(await logged()).toEqual([]);
    }
    expect(
      archive.seen
        .filter(({ body, headers }) => body.method === 'logging/setLevel' && headers.authorization === bearer(user))
        .map(({ body }) => body.params['level']),
    ).toEqual(['error', 'debug']);
  });
  test('reach an agent of 2025-11-25 from the level it set for its session', async () => {
    const client = await legacyClient(newUser('jon'));
    const levels: string[] = [];
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void levels.push(params.level));
    for (const tool of ['notes__logs', 'archive__logs']) await client.callTool({ name: tool, arguments: {} });
    expect(levels.splice(0)).toEqual(['info', 'error', 'info', 'error']);
    await client.setLoggingLevel('error');
    for (const tool of ['notes__logs', 'archive__logs']) await client.callTool({ name: tool, arguments: {} });
    expect(levels).toEqual(['error', 'error']);
    await client.close();
  });
});

describe('a long list', () => {
  const names = (count: number) => Array.from({ length: count }, (_, i) => `t${String(i).padStart(3, '0')}`);
  const offering = (count: number) => {
    notes.misbehave = ({ body }) =>
      body.method === 'tools/list'
        ? {
            status: 200,
            body: JSON.stringify({
              jsonrpc: '2.0',
              id: body.id,
              result: {
                resultType: 'complete',
                ttlMs: 60_000,
                cacheScope: 'private',
                tools: names(count).map((name) => ({
                  name,
                  description: 'x'.repeat(40),
                  inputSchema: { type: 'object' },
                })),
              },
            }),
          }
        : undefined;
  };
  const pageOf = async (user: TestUser, cursor?: string) =>
    await send(user, 'tools/list', cursor === undefined ? {} : { cursor });

  test('comes in pages of limited size, across servers, each entry once and in order (R56)', async () => {
    offering(300);
    const user = newUser('kai');
    const seen: string[] = [];
    let cursor: string | undefined;
    let pages = 0;
    do {
      const answer = await pageOf(user, cursor);
      expect(answer.text.length).toBeLessThan(PAGE + 1_024);
      const result = { tools: [], nextCursor: undefined, ...answer.json?.result } as {
        tools: { name: string }[];
        nextCursor: string | undefined;
      };
      seen.push(...result.tools.map(({ name }) => name));
      cursor = result.nextCursor;
      pages += 1;
    } while (cursor !== undefined);
    expect(seen).toEqual(['archive__logs', 'archive__whoami', ...names(300).map((name) => `notes__${name}`)]);
    expect(pages).toBeGreaterThan(5);
  });
  test('goes on after an entry of any name: no server keeps the rest from being seen (R56)', async () => {
    const user = newUser('nia');
    const uris = ['a', 'b'].map((first) => `note://${first}/${'x'.repeat(4_000)}`);
    notes.misbehave = ({ body }) =>
      body.method === 'resources/list'
        ? {
            status: 200,
            body: JSON.stringify({
              jsonrpc: '2.0',
              id: body.id,
              result: { resultType: 'complete', resources: uris.map((uri) => ({ uri, name: 'n' })) },
            }),
          }
        : undefined;
    const first = (await send(user, 'resources/list')).json?.result;
    const second = (await send(user, 'resources/list', { cursor: first?.['nextCursor'] })).json?.result;
    expect([first, second].flatMap((result) => result?.['resources'])).toEqual(
      uris.map((uri) => ({ uri: `via-notes+${uri}`, name: 'n' })),
    );
  });
  test('goes on only for the caller, the list and the policy it began with (S15)', async () => {
    offering(300);
    const [lea, mia] = [newUser('lea'), newUser('mia')];
    const cursor = (await pageOf(lea)).json?.result?.['nextCursor'] as string;
    expect((await pageOf(lea, cursor)).json?.result).toHaveProperty('tools');
    expect((await pageOf(mia, cursor)).json?.error).toEqual({ code: -32602, message: 'Unknown cursor.' });
    expect((await send(lea, 'prompts/list', { cursor })).json?.error?.code).toBe(-32602);
    expect((await pageOf(lea, `${cursor.slice(0, -2)}${cursor.endsWith('AA') ? 'BB' : 'AA'}`)).json?.error?.code).toBe(
      -32602,
    );
    await world.change({ puts: [Document.parse({ kind: 'Role', name: 'another', spec: { scopes: ['x'] } })] });
    await expect.poll(async () => (await pageOf(lea, cursor)).json?.error?.code).toBe(-32602);
  });
});

test('an agent that shows views has servers told so, and nothing else it can do (R65) (S18)', async () => {
  const user = newUser('egon');
  const capabilities = {
    extensions: {
      'io.modelcontextprotocol/ui': { mimeTypes: ['text/html;profile=mcp-app', 'text/x-evil'] },
      'vendor/other': {},
    },
    sampling: {},
    elicitation: {},
  };
  const request = modernRequest('tools/call', {
    name: 'notes__whoami',
    arguments: {},
    _meta: { 'io.modelcontextprotocol/clientCapabilities': capabilities },
  });
  await postByHand(world.url, await world.token(user), request);
  expect(notes.seen.at(-1)?.body.params['_meta']).toMatchObject({
    'io.modelcontextprotocol/clientCapabilities': {
      extensions: { 'io.modelcontextprotocol/ui': { mimeTypes: ['text/html;profile=mcp-app'] } },
    },
  });
  expect(JSON.stringify(notes.seen.at(-1)?.body)).not.toMatch(/evil|vendor|sampling|elicitation/);
  await send(user, 'tools/call', { name: 'notes__whoami', arguments: {} });
  expect(JSON.stringify(notes.seen.at(-1)?.body)).not.toContain('extensions');
});
