import { request } from 'node:http';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Document } from '@sallyport/configuration';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startGatewayWorld, testUser } from './world/gateway-world.js';
import type { GatewayWorld, Leasing, TestUser } from './world/gateway-world.js';
import { startStubServer } from './world/stub-server.js';
import type { StubServer } from './world/stub-server.js';

let notes: StubServer;
let mail: StubServer;
let world: GatewayWorld;
const [alice, bob] = [testUser('alice'), testUser('bob')];
const credential = (server: string, user: { userId: string }) => `Bearer downstream-${server}-${user.userId}`;

const documents = (): Document[] =>
  [
    { kind: 'Gateway', name: 'default', spec: { toolPrefix: 'server' } },
    { kind: 'OutboundNetwork', name: 'default', spec: { allow: [{ host: '127.0.0.1', http: true }] } },
    { kind: 'Role', name: 'reader', spec: { scopes: ['notes.read', 'notes.write'], members: [] } },
    { kind: 'McpServer', name: 'notes', spec: { url: notes.url, title: 'Notes', timeout: '5s' } },
    { kind: 'McpServer', name: 'mail', spec: { url: mail.url, timeout: '5s' } },
    { kind: 'CredentialProvider', name: 'notes-users', spec: { type: 'mcp-user-oauth', server: 'notes' } },
    { kind: 'CredentialProvider', name: 'mail-users', spec: { type: 'mcp-user-oauth', server: 'mail' } },
    { kind: 'AccessPolicy', name: 'everyone', spec: { hop: 'client-to-gateway', trustProviders: ['demo'] } },
    {
      kind: 'AccessPolicy',
      name: 'notes',
      spec: {
        hop: 'gateway-to-server',
        server: 'notes',
        credentialProvider: 'notes-users',
        tools: [
          { match: ['whoami', 'slow', 'leak'], scope: 'notes.read' },
          { match: ['add'], scope: 'notes.write' },
          { match: ['secret'], roles: ['boss'] },
        ],
        resources: [{ match: ['note://**'], scope: 'notes.read' }],
      },
    },
    {
      kind: 'AccessPolicy',
      name: 'mail',
      spec: {
        hop: 'gateway-to-server',
        server: 'mail',
        credentialProvider: 'mail-users',
        tools: [{ match: ['whoami'] }],
        resources: [],
      },
    },
  ].map((document) => Document.parse(document));

const granting: Leasing = ({ server }, user) => ({
  type: 'granted',
  headers: { authorization: credential(server, user) },
  connectionId: `con_${server}_${user.userId}`,
  connectionRevision: 1,
  expiresInSeconds: 600,
});

beforeAll(async () => {
  [notes, mail] = await Promise.all([startStubServer(), startStubServer()]);
  for (const user of [alice, bob])
    for (const [name, stub] of [
      ['notes', notes],
      ['mail', mail],
    ] as const)
      stub.bearers.set(credential(name, user), user.subject);
  world = await startGatewayWorld(documents());
  world.leasing = granting;
});
afterEach(() => {
  world.leasing = granting;
  notes.misbehave = mail.misbehave = undefined;
});
afterAll(async () => {
  await world?.close();
  await Promise.all([notes?.close(), mail?.close()]);
});

async function modernClient(
  user: TestUser,
  { elicits = false, claims = {} }: { elicits?: boolean; claims?: Record<string, unknown> } = {},
): Promise<Client> {
  const token = await world.token(user, claims);
  const client = new Client(
    { name: 'v2', version: '1' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } }, capabilities: elicits ? { elicitation: { url: {} } } : {} },
  );
  await client.connect(
    new StreamableHTTPClientTransport(new URL(world.url), {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
    }),
  );
  return client;
}
async function legacyClient(user: TestUser, { elicits = false }: { elicits?: boolean } = {}): Promise<LegacyClient> {
  const token = await world.token(user);
  const client = new LegacyClient(
    { name: 'v1', version: '1' },
    { capabilities: elicits ? { elicitation: { url: {} } } : {} },
  );
  await client.connect(
    new LegacyTransport(new URL(world.url), { requestInit: { headers: { authorization: `Bearer ${token}` } } }),
  );
  return client;
}
const meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 't', version: '1' },
};

/** A request by hand, for what no SDK would send. */
async function post(
  body: unknown,
  {
    user = alice,
    token,
    headers = {},
  }: { user?: TestUser; token?: string | null; headers?: Record<string, string> } = {},
) {
  const bearer = token === undefined ? await world.token(user) : token;
  const response = await fetch(world.url, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
      ...headers,
    },
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    json:
      text === ''
        ? undefined
        : (JSON.parse(text) as {
            id: unknown;
            error?: { code: number; message: string; data?: unknown };
            result?: Record<string, unknown>;
          }),
  };
}
/** `fetch` joins repeated headers; this sends them as they are. */
function postRaw(body: unknown, headers: Record<string, string | string[]>): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(world.url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end(JSON.stringify(body));
  });
}
const modern = (method: string, params: Record<string, unknown> = {}, more: Record<string, string> = {}) => ({
  body: {
    jsonrpc: '2.0',
    id: 7,
    method,
    params: { ...params, _meta: { ...meta, ...(params['_meta'] as object | undefined) } },
  },
  headers: {
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    ...(typeof params['name'] === 'string' ? { 'mcp-name': params['name'] } : {}),
    ...(typeof params['uri'] === 'string' ? { 'mcp-name': params['uri'] } : {}),
    ...more,
  },
});
const send = ({ body, headers }: ReturnType<typeof modern>, options: { user?: TestUser; token?: string } = {}) =>
  post(body, { ...options, headers });
const recordOf = async (matches: (record: GatewayWorld['records'][number]) => boolean) => {
  for (let i = 0; i < 100; i++) {
    const found = world.records.findLast(matches);
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('no such record');
};
const toolNames = (result: { tools: { name: string }[] }) => result.tools.map(({ name }) => name);
const textOf = (result: unknown) => (result as { content: { text?: string }[] }).content.map(({ text }) => text).join();

describe('an agent of 2026-07-28', () => {
  test('sees one server with the tools of all, prefixed and in order, annotations and all (R52, R58)', async () => {
    const client = await modernClient(alice, { claims: { scope: 'notes.read notes.write' } });
    const { tools } = await client.listTools();
    expect(toolNames({ tools })).toEqual(['mail__whoami', 'notes__add', 'notes__leak', 'notes__slow', 'notes__whoami']);
    expect(tools.find(({ name }) => name === 'notes__whoami')?.annotations).toEqual({ readOnlyHint: true });
    await client.close();
  });
  test('calls the right server with the credential of its own user (R1, R59)', async () => {
    for (const user of [alice, bob]) {
      const client = await modernClient(user);
      expect(textOf(await client.callTool({ name: 'notes__whoami', arguments: {} }))).toBe(user.subject);
      expect(notes.seen.at(-1)?.headers.authorization).toBe(credential('notes', user));
      expect(textOf(await client.callTool({ name: 'mail__whoami', arguments: {} }))).toBe(user.subject);
      expect(mail.seen.at(-1)?.headers.authorization).toBe(credential('mail', user));
      await client.close();
    }
  });
  test('lists and reads resources under their server (R60, R61)', async () => {
    const client = await modernClient(alice);
    const { resources } = await client.listResources();
    expect(resources.map(({ uri }) => uri)).toEqual(['via-notes+note://mine']);
    const { contents } = await client.readResource({ uri: 'via-notes+note://mine' });
    expect(contents).toEqual([{ uri: 'via-notes+note://mine', text: "alice's note" }]);
    expect(notes.seen.at(-1)?.body.params['uri']).toBe('note://mine');
    expect(notes.seen.at(-1)?.headers['mcp-name']).toBe('note://mine');
    expect((await client.listResourceTemplates()).resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual([
      'via-notes+note://topics/{topic}',
    ]);
    await client.close();
  });
  test('receives progress while the call runs', async () => {
    const client = await modernClient(alice);
    const progress: number[] = [];
    const result = await client.callTool(
      { name: 'notes__slow', arguments: {} },
      { onprogress: ({ progress: done }) => progress.push(done) },
    );
    expect([textOf(result), progress]).toEqual(['done', [1, 2]]);
    await client.close();
  });
});

describe('an agent of 2025-11-25', () => {
  test('initializes, lists, calls and reads the same way, without the words of the new era (R52, R59)', async () => {
    const client = await legacyClient(alice);
    expect(client.getServerVersion()?.name).toBe('sallyport');
    expect(toolNames(await client.listTools())).toContain('notes__whoami');
    const result = await client.callTool({ name: 'notes__whoami', arguments: {} });
    expect(textOf(result)).toBe('alice');
    expect(result).not.toHaveProperty('resultType');
    expect((await client.readResource({ uri: 'via-notes+note://mine' })).contents).toEqual([
      { uri: 'via-notes+note://mine', text: "alice's note" },
    ]);
    await client.ping();
    await client.close();
  });
  test('ends its session on every replica (R64)', async () => {
    const initialize = {
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } },
    };
    const token = await world.token(alice);
    const opened = await post(initialize, { token });
    const session = {
      'mcp-session-id': opened.headers.get('mcp-session-id') ?? '',
      'mcp-protocol-version': '2025-11-25',
    };
    expect(session['mcp-session-id']).toMatch(/^[\x21-\x7e]+$/);
    const list = { jsonrpc: '2.0', id: 2, method: 'ping' };
    expect((await post(list, { token, headers: session })).status).toBe(200);
    const end = (bearer: string) =>
      fetch(world.url, { method: 'DELETE', headers: { authorization: `Bearer ${bearer}`, ...session } });
    expect((await end(await world.token(bob))).status).toBe(404);
    expect((await post(list, { user: bob, headers: session })).status).toBe(404);

    const other = await world.startReplica('gateway-2');
    expect((await end(token)).status).toBe(204);
    expect((await post(list, { token, headers: session })).status).toBe(404);
    expect((await end(token)).status).toBe(404);
    await expect
      .poll(async () => {
        const url = `${other.urls['listening']}/mcp`;
        const bearer = await world.token(alice, { aud: url });
        return (
          await fetch(url, {
            method: 'POST',
            body: JSON.stringify(list),
            headers: { 'content-type': 'application/json', authorization: `Bearer ${bearer}`, ...session },
          })
        ).status;
      })
      .toBe(404);
  });
});

describe('the door', () => {
  test('answers 401 with a challenge before anything is read or forwarded (R12) (R15)', async () => {
    const before = notes.seen.length;
    const answer = await post('this is not json', { token: null });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe(
      `Bearer resource_metadata="${world.url.replace('/mcp', '/.well-known/oauth-protected-resource/mcp')}"`,
    );
    expect(notes.seen.length).toBe(before);
    const record = await recordOf(({ httpStatus, reason }) => httpStatus === 401 && reason === 'no_token');
    expect(record).not.toHaveProperty('userId');
    expect(record.decision).toBe('unauthenticated');
  });
  test.each([
    ['for another audience', { aud: 'https://other.example/mcp' }, {}],
    ['that expired', { iat: 1_700_000_000, exp: 1_700_000_900 }, {}],
    ['signed by the key for downstream tokens', {}, { kid: 'dt-1' }],
    ['of another type', {}, { typ: 'JWT' }],
  ])('refuses a token %s (R10) (R12) (S5) (S6)', async (_which, claims, header) => {
    const answer = await send(modern('tools/list'), { token: await world.token(alice, claims, header) });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"');
  });
  test('publishes its metadata at the root and in path form (R15) (R9)', async () => {
    for (const path of ['', '/mcp']) {
      const metadata = await (
        await fetch(world.url.replace('/mcp', `/.well-known/oauth-protected-resource${path}`))
      ).json();
      expect(metadata).toMatchObject({
        resource: world.url,
        authorization_servers: [world.issuer],
        bearer_methods_supported: ['header'],
      });
    }
  });
  test('has no GET, and says what there is (R63)', async () => {
    const answer = await fetch(world.url, { headers: { authorization: `Bearer ${await world.token(alice)}` } });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST, DELETE']);
  });
  test('refuses a revoked session on the very next request (S5) (R6)', async () => {
    const carol = testUser('carol');
    const token = await world.token(carol);
    expect((await send(modern('server/discover'), { token })).status).toBe(200);
    await world.change({
      revocations: [
        {
          id: 'rev_1',
          subject: { type: 'session', sid: carol.sid },
          notBefore: Math.floor(Date.now() / 1000) + 60,
          expiresAt: null,
        },
      ],
    });
    await expect
      .poll(async () => (await send(modern('server/discover'), { token })).status, { timeout: 1_000 })
      .toBe(401);
  });
  test('is closed to a foreign Host or Origin, also with a good token (S19)', async () => {
    const { body, headers } = modern('server/discover');
    expect((await post(body, { headers: { ...headers, origin: 'https://evil.example' } })).status).toBe(403);
  });
});

describe('what a request may look like', () => {
  const code = async (answer: ReturnType<typeof post>) =>
    answer.then(({ status, json }) => [status, json?.error?.code]);
  test('duplicate keys, repeated headers, other media types and sizes are refused (S10)', async () => {
    expect(await code(post('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}'))).toEqual(
      [400, -32700],
    );
    expect(await code(post('{"jsonrpc":'))).toEqual([400, -32700]);
    expect((await post('{}', { headers: { 'content-type': 'text/plain' } })).status).toBe(415);
    expect((await post(`"${'x'.repeat(1024 * 1024)}"`)).status).toBe(413);
    const bearer = `Bearer ${await world.token(alice)}`;
    const { body, headers } = modern('server/discover');
    expect(await postRaw(body, { ...headers, authorization: bearer })).toBe(200);
    expect(await postRaw(body, { ...headers, authorization: [bearer, bearer] })).toBe(400);
    expect(
      await postRaw(body, { ...headers, authorization: bearer, 'mcp-method': ['server/discover', 'server/discover'] }),
    ).toBe(400);
  });
  test('the envelope, its headers, version and method are checked with the codes of the specification', async () => {
    const { body, headers } = modern('tools/list');
    const envelope = (change: Record<string, unknown>) => ({ ...body, params: { _meta: { ...meta, ...change } } });
    expect(await code(post({ ...body, params: {} }, { headers }))).toEqual([400, -32602]);
    expect(
      await code(post(envelope({ 'io.modelcontextprotocol/clientCapabilities': undefined }), { headers })),
    ).toEqual([400, -32602]);
    expect(await code(post(body, { headers: { ...headers, 'mcp-method': 'tools/call' } }))).toEqual([400, -32020]);
    expect(await code(post(body, { headers: { 'mcp-protocol-version': '2026-07-28' } }))).toEqual([400, -32020]);
    expect(await code(post(body, { headers: { 'mcp-method': 'tools/list' } }))).toEqual([400, -32020]);
    const future = await post(envelope({ 'io.modelcontextprotocol/protocolVersion': '2030-01-01' }), {
      headers: { ...headers, 'mcp-protocol-version': '2030-01-01' },
    });
    expect([future.status, future.json?.error]).toMatchObject([
      400,
      {
        code: -32022,
        data: {
          requested: '2030-01-01',
          supported: ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'],
        },
      },
    ]);
    for (const method of ['ping', 'initialize', 'logging/setLevel', 'nonsense'])
      expect(await code(send(modern(method)))).toEqual([404, -32601]);
    expect(
      await code(send(modern('tools/call', { name: 'notes__whoami', arguments: {} }, { 'mcp-name': 'mail__whoami' }))),
    ).toEqual([400, -32020]);
    expect(await code(send(modern('tools/list', { cursor: 'x' })))).toEqual([200, -32602]);
  });
  test('notifications are accepted with 202 and nothing more', async () => {
    const answer = await post({ jsonrpc: '2.0', method: 'notifications/initialized' });
    expect([answer.status, answer.text]).toEqual([202, '']);
  });
});

describe('policy', () => {
  test('hides what is denied for every argument, and hidden and absent answer alike (S15)', async () => {
    const hidden = await send(modern('tools/call', { name: 'notes__secret', arguments: {} }));
    const absent = await send(modern('tools/call', { name: 'notes__nothing', arguments: {} }));
    expect([hidden.status, hidden.json?.error?.code]).toEqual([200, -32602]);
    expect(hidden.text.replace('secret', 'nothing')).toBe(absent.text);
    expect(notes.seen.some(({ body }) => body.method === 'tools/call' && body.params['name'] === 'secret')).toBe(false);
    const unreadable = await send(modern('resources/read', { uri: 'via-mail+note://mine' }));
    const nowhere = await send(modern('resources/read', { uri: 'via-nowhere+note://mine' }));
    expect(unreadable.text.replace('mail', 'nowhere')).toBe(nowhere.text);
  });
  test('asks for all scopes an operation needs, once, and never loops (R30, R31)', async () => {
    const dora = testUser('dora');
    notes.bearers.set(credential('notes', dora), 'dora');
    const challenged = await send(modern('tools/call', { name: 'notes__add', arguments: { text: 'x' } }), {
      token: await world.token(dora),
    });
    expect(challenged.status).toBe(403);
    expect(challenged.headers.get('www-authenticate')).toContain('error="insufficient_scope"');
    expect(challenged.headers.get('www-authenticate')).toContain('scope="notes.read notes.write"');
    expect(challenged.json?.error?.message).toContain(
      'This needs the scope notes.write, which the user has not allowed this agent yet.',
    );
    const later = await send(modern('tools/call', { name: 'notes__add', arguments: { text: 'x' } }), {
      token: await world.token(dora, { iat: Math.floor(Date.now() / 1000) + 5 }),
    });
    expect([later.status, later.json?.result?.['isError']]).toEqual([200, true]);
    expect(later.text).toMatch(
      /needs the scope notes\.write, .* the user has to sign in anew with this agent and allow it/,
    );
  });
  test('names the policies that decided, with user, agent, server and tool (R29, R75)', async () => {
    await send(
      modern('tools/call', {
        name: 'notes__whoami',
        arguments: {},
        _meta: { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` },
      }),
    );
    const record = await recordOf(({ traceId }) => traceId === 'a'.repeat(32));
    expect(record).toMatchObject({
      userId: alice.userId,
      sid: alice.sid,
      clientId: 'https://agent.example/client.json',
      agentName: 'Test agent',
      trustProvider: 'demo',
      server: 'notes',
      decision: 'allow',
      httpStatus: 200,
      protocolVersion: '2026-07-28',
      connectionId: `con_notes_${alice.userId}`,
      policies: { clientToGateway: 'everyone', gatewayToServer: 'notes' },
      replica: 'gateway-1',
    });
    expect(record.durationMs).toBeGreaterThan(0);
  });
  test('lets nobody in whom no client-to-gateway policy names: an error without a challenge (R22) (R23)', async () => {
    const answer = await send(modern('tools/list'), { token: await world.token(alice, { idp: 'elsewhere' }) });
    expect([answer.status, answer.json?.error?.code, answer.headers.get('www-authenticate')]).toEqual([
      200,
      -31401,
      null,
    ]);
  });
});

describe('an account that is not connected', () => {
  const url = 'http://127.0.0.1:7402/connect/ticket-1234';
  const notConnected: Leasing = (request, user) =>
    request.server === 'notes'
      ? { type: 'connect_required', url, message: 'Connect your notes account to continue.' }
      : granting(request, user);

  test('is one tool in the list, beside the tools of the other servers (R35)', async () => {
    const erin = testUser('erin');
    mail.bearers.set(credential('mail', erin), 'erin');
    world.leasing = notConnected;
    const client = await modernClient(erin);
    expect(toolNames(await client.listTools())).toEqual(['mail__whoami', 'notes__connect']);
    await client.close();
  });
  test('becomes input_required with a URL for a client that can show one, and works on retry (R36, B2)', async () => {
    const finn = testUser('finn');
    notes.bearers.set(credential('notes', finn), 'finn');
    world.leasing = notConnected;
    const capable = { _meta: { 'io.modelcontextprotocol/clientCapabilities': { elicitation: { url: {} } } } };
    const asked = await send(modern('tools/call', { name: 'notes__whoami', arguments: {}, ...capable }), {
      user: finn,
      token: await world.token(finn),
    });
    expect(asked.json?.result).toMatchObject({
      resultType: 'input_required',
      inputRequests: { connect: { method: 'elicitation/create', params: { mode: 'url', url } } },
    });
    const requestState = asked.json?.result?.['requestState'];
    const retry = (change: Record<string, unknown>) =>
      modern('tools/call', {
        name: 'notes__whoami',
        arguments: {},
        requestState,
        inputResponses: { connect: { action: 'accept' } },
        ...capable,
        ...change,
      });

    const declined = await send(retry({ inputResponses: { connect: { action: 'decline' } } }), {
      token: await world.token(finn),
    });
    expect(declined.json?.result).toMatchObject({ isError: true });
    const stillNot = await send(retry({}), { token: await world.token(finn) });
    expect(stillNot.json?.result?.['resultType']).toBe('input_required');
    const stolen = await send(retry({}), { token: await world.token(bob) });
    expect(stolen.json?.error?.code).toBe(-32602);
    const other = await send(retry({ arguments: { other: 1 } }), { token: await world.token(finn) });
    expect(other.json?.error?.code).toBe(-32602);

    world.leasing = granting;
    const done = await send(retry({}), { token: await world.token(finn) });
    expect(textOf(done.json?.result)).toBe('finn');
    expect(notes.seen.at(-1)?.body.params).not.toHaveProperty('requestState');
  });
  test('works through the client of the SDK, which opens the link and retries by itself (B2)', async () => {
    const gina = testUser('gina');
    notes.bearers.set(credential('notes', gina), 'gina');
    world.leasing = notConnected;
    const client = await modernClient(gina, { elicits: true });
    const opened: string[] = [];
    client.setRequestHandler('elicitation/create', (request) => {
      if (request.params.mode === 'url') opened.push(request.params.url);
      world.leasing = granting;
      return { action: 'accept' as const };
    });
    expect(textOf(await client.callTool({ name: 'notes__connect', arguments: {} }))).toContain('is connected');
    expect(opened).toEqual([url]);
    expect(toolNames(await client.listTools())).toContain('notes__whoami');
    await client.close();
  });
  test('is -32042 for a client of 2025-11-25 that can show a URL, and for one that cannot a link in text, which is a success of the tool that is asked for it (B2)', async () => {
    const hugo = testUser('hugo');
    world.leasing = notConnected;
    const capable = await legacyClient(hugo, { elicits: true });
    await expect(capable.callTool({ name: 'notes__connect', arguments: {} })).rejects.toMatchObject({
      code: -32042,
      data: { elicitations: [{ mode: 'url', url }] },
    });
    await capable.close();
    const plain = await legacyClient(hugo);
    const result = await plain.callTool({ name: 'notes__connect', arguments: {} });
    expect([result.isError, textOf(result)]).toEqual([
      undefined,
      `Connect your notes account to continue. Ask the user to open this link in a browser, and list the tools again afterwards: ${url}`,
    ]);
    // Of a tool that was to do something, it is why nothing was done.
    const other = await plain.callTool({ name: 'notes__whoami', arguments: {} });
    expect([other.isError, textOf(other)]).toEqual([true, expect.stringContaining(url)]);
    await plain.close();
  });
});

describe('what crosses to a server', () => {
  test('is ours: no header of the agent but those of the protocol, and never its token (R50, S11)', async () => {
    const token = await world.token(alice);
    const { body, headers } = modern('tools/call', {
      name: 'notes__whoami',
      arguments: {},
      extra: 1,
      _meta: { 'vendor/key': 1, baggage: 'x', tracestate: 'y' },
    });
    await post(body, {
      token,
      headers: {
        ...headers,
        cookie: 'a=b',
        'x-forwarded-for': '1.2.3.4',
        'mcp-session-id': 'x',
        dpop: 'p',
        'x-custom': 'c',
      },
    });
    const seen = notes.seen.at(-1);
    expect(Object.keys(seen?.headers ?? {}).sort()).toEqual([
      'accept',
      'accept-encoding',
      'authorization',
      'connection',
      'content-length',
      'content-type',
      'host',
      'mcp-method',
      'mcp-name',
      'mcp-protocol-version',
      'user-agent',
    ]);
    expect(JSON.stringify(seen)).not.toContain(token);
    expect(seen?.body.params).toEqual({
      name: 'whoami',
      arguments: {},
      _meta: {
        'vendor/key': 1,
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientInfo': { name: 'sallyport', version: '0.1.0' },
        'io.modelcontextprotocol/clientCapabilities': {},
      },
    });
  });
  test("comes back without a header of the server's, and without the credential even when the server says it (R44) (S11)", async () => {
    notes.misbehave = ({ body }) =>
      body.method === 'tools/call'
        ? {
            status: 200,
            headers: {
              'content-type': 'application/json',
              'set-cookie': 'a=b',
              location: 'x',
              'x-token': credential('notes', alice),
              'mcp-session-id': 's',
            },
            body: JSON.stringify({
              jsonrpc: '2.0',
              id: body.id,
              result: {
                resultType: 'complete',
                content: [{ type: 'text', text: `I was sent ${credential('notes', alice)}` }],
              },
            }),
          }
        : undefined;
    const answer = await send(modern('tools/call', { name: 'notes__whoami', arguments: {} }));
    expect(textOf(answer.json?.result)).toBe('I was sent Bearer [redacted]');
    for (const name of ['set-cookie', 'location', 'x-token', 'mcp-session-id', 'www-authenticate'])
      expect(answer.headers.get(name)).toBeNull();
    notes.misbehave = undefined;
    const client = await modernClient(alice);
    expect(JSON.stringify(await client.callTool({ name: 'notes__leak', arguments: {} }))).not.toContain(
      credential('notes', alice).slice(7),
    );
    await client.close();
    expect(world.log()).not.toContain(credential('notes', alice).slice(7));
    expect(JSON.stringify(world.records)).not.toContain('downstream-');
  });
  test('carries the server id in links of a result (S13)', async () => {
    const answer = await send(modern('tools/call', { name: 'notes__add', arguments: { text: 'x' } }), {
      token: await world.token(alice, { scope: 'notes.read notes.write' }),
    });
    expect(answer.json?.result?.['content']).toEqual([
      { type: 'text', text: 'alice wrote x' },
      { type: 'resource_link', uri: 'via-notes+note://new', name: 'new' },
    ]);
  });
});

describe('a server in trouble', () => {
  test('costs a list only its own entries and is named (R56)', async () => {
    const ivy = testUser('ivy');
    notes.bearers.set(credential('notes', ivy), 'ivy');
    mail.misbehave = () => 'hang';
    const answer = await send(modern('tools/list'), { token: await world.token(ivy) });
    const names = toolNames({ tools: [], ...answer.json?.result });
    expect(names).toContain('notes__whoami');
    expect(names.some((name) => name.startsWith('mail'))).toBe(false);
    expect(answer.json?.result).toMatchObject({
      ttlMs: 0,
      cacheScope: 'private',
      _meta: { 'sallyport/unavailableServers': [{ server: 'mail', reason: expect.any(String) }] },
    });
  });
  test.each([
    ['fails', { status: 500, body: 'oops: secret stack' }],
    ['redirects', { status: 302, headers: { location: 'http://127.0.0.1:1/' }, body: '' }],
    ['speaks nonsense', { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' }],
    [
      'answers another request',
      { status: 200, body: '{"jsonrpc":"2.0","id":"other","result":{"resultType":"complete","content":[]}}' },
    ],
    [
      'asks the user for something',
      {
        status: 200,
        body: '{"jsonrpc":"2.0","id":7,"result":{"resultType":"input_required","inputRequests":{"a":{"method":"elicitation/create","params":{}}}}}',
      },
    ],
    [
      'speaks of its own versions',
      { status: 400, body: '{"jsonrpc":"2.0","id":7,"error":{"code":-32022,"message":"no"}}' },
    ],
  ])('that %s is a failed call in words, and nothing of its own comes through (S11) (S18)', async (_how, answer) => {
    await send(modern('tools/list'));
    notes.misbehave = ({ body }) => (body.method === 'tools/call' ? answer : undefined);
    const result = await send(modern('tools/call', { name: 'notes__whoami', arguments: {} }));
    expect([result.status, result.json?.result?.['isError']]).toEqual([200, true]);
    expect(result.text).toContain('Notes');
    expect(result.text).not.toMatch(/oops|html|other|-32022/);
  });
  test('says in its own words what is wrong with the operation', async () => {
    await send(modern('tools/list'));
    notes.misbehave = ({ body }) =>
      body.method === 'tools/call'
        ? {
            status: 200,
            body: JSON.stringify({ jsonrpc: '2.0', id: body.id, error: { code: -32602, message: 'text is too long' } }),
          }
        : undefined;
    expect((await send(modern('tools/call', { name: 'notes__whoami', arguments: {} }))).json?.error).toEqual({
      code: -32602,
      message: 'text is too long',
    });
  });
  test('that rejects the credential is asked once more with a newer one (R38)', async () => {
    const jack = testUser('jack');
    let revision = 1;
    world.leasing = ({ server, rejectedConnectionRevision }, user) => {
      if (rejectedConnectionRevision !== undefined) revision = rejectedConnectionRevision + 1;
      return {
        type: 'granted',
        headers: { authorization: `${credential(server, user)}-r${revision}` },
        connectionId: 'con_jack',
        connectionRevision: revision,
        expiresInSeconds: 600,
      };
    };
    notes.bearers.set(`${credential('notes', jack)}-r2`, 'jack');
    const token = await world.token(jack);
    expect(
      textOf((await send(modern('tools/call', { name: 'notes__whoami', arguments: {} }), { token })).json?.result),
    ).toBe('jack');
    notes.bearers.delete(`${credential('notes', jack)}-r2`);
    const refused = await send(modern('tools/call', { name: 'notes__whoami', arguments: {} }), { token });
    expect(refused.json?.result).toMatchObject({ isError: true });
  });
  test('whose credential is refused is said to the agent in the words of whoever refused; a sign-in or token that serves no more is a 401 (R51)', async () => {
    const token = await world.token(testUser('kate'));
    world.leasing = () => ({
      type: 'refused',
      reason: 'exchange_consent_required',
      message: 'An administrator can give consent.',
    });
    expect(
      (await send(modern('tools/call', { name: 'notes__whoami', arguments: {} }), { token })).json?.result,
    ).toMatchObject({ isError: true, content: [{ type: 'text', text: 'An administrator can give consent.' }] });
    for (const outcome of [{ type: 'refused', reason: 'sign_in_required' }, { type: 'token_refused' }] as const) {
      world.leasing = () => outcome;
      const { status, headers } = await send(modern('tools/call', { name: 'notes__whoami', arguments: {} }), {
        token: await world.token(testUser('karl')),
      });
      expect([status, headers.get('www-authenticate')]).toEqual([
        401,
        expect.stringContaining('error="invalid_token"'),
      ]);
    }
  });
  test('is told when the agent goes away', async () => {
    await send(modern('tools/list'));
    notes.misbehave = ({ body }) => (body.method === 'tools/call' ? 'hang' : undefined);
    const before = notes.aborted;
    const leave = new AbortController();
    const { body, headers } = modern('tools/call', { name: 'notes__whoami', arguments: {} });
    const call = fetch(world.url, {
      method: 'POST',
      body: JSON.stringify(body),
      signal: leave.signal,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${await world.token(alice)}`, ...headers },
    });
    const seen = notes.seen.length;
    await expect.poll(() => notes.seen.length).toBeGreaterThan(seen);
    leave.abort();
    await expect(call).rejects.toThrow('aborted');
    await expect.poll(() => notes.aborted).toBe(before + 1);
  });
});

describe('credentials in the gateway', () => {
  test('are leased once for many calls, and anew after a change (R45) (R49)', async () => {
    const kim = testUser('kim');
    notes.bearers.set(credential('notes', kim), 'kim');
    const token = await world.token(kim);
    const call = () => send(modern('tools/call', { name: 'notes__whoami', arguments: {} }), { token });
    const before = world.leaseRequests.length;
    await Promise.all([call(), call(), call()]);
    await call();
    expect(world.leaseRequests.length - before).toBe(1);
    await world.messaging.broadcast.publish('sallyport.v1.credential.changed', {
      v: 1,
      connectionId: `con_notes_${kim.userId}`,
      userId: kim.userId,
      server: 'notes',
      connectionRevision: 2,
    });
    await expect
      .poll(async () => {
        await call();
        return world.leaseRequests.length - before;
      })
      .toBe(2);
  });
});

describe('what is let in does not stay in', () => {
  test('a call that waits ends when its session is revoked (S17)', async () => {
    const lara = testUser('lara');
    notes.bearers.set(credential('notes', lara), 'lara');
    const token = await world.token(lara);
    await send(modern('tools/list'), { token });
    notes.misbehave = ({ body }) => (body.method === 'tools/call' ? 'hang' : undefined);
    const waiting = send(modern('tools/call', { name: 'notes__whoami', arguments: {} }), { token });
    await expect.poll(() => notes.seen.at(-1)?.body.method).toBe('tools/call');
    await world.change({
      revocations: [
        {
          id: 'rev_2',
          subject: { type: 'session', sid: lara.sid },
          notBefore: Math.floor(Date.now() / 1000) + 60,
          expiresAt: null,
        },
      ],
    });
    expect(JSON.stringify((await waiting).json?.result)).toContain('sign-in of this agent was ended');
    expect(
      (await recordOf(({ userId, method }) => userId === lara.userId && method === 'tools/call')).reason,
    ).toContain('token_revoked');
  });
});
