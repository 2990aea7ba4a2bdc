import { request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import type { TestUser } from './world/gateway-world.js';
import { startTwoServers } from './world/two-servers.js';
import type { TwoServers } from './world/two-servers.js';

let place: TwoServers;
beforeAll(async () => {
  place = await startTwoServers();
});
afterEach(() => {
  place.notes.misbehave = place.mail.misbehave = undefined;
});
afterAll(async () => await place?.close());

const at = (server: string) => `${place.world.url}/${server}`;
const send = async (url: string, user: TestUser, method: string, params: Record<string, unknown> = {}) =>
  await postByHand(url, await place.world.token(user), modernRequest(method, params));
const namesIn = ({ json }: Awaited<ReturnType<typeof send>>, what = 'tools', key = 'name') =>
  (json?.result?.[what] as Record<string, string>[] | undefined)?.map((entry) => entry[key]);

describe('/mcp/<server>', () => {
  test('is that server alone, under its own names, by the same policies and credentials (R52, R57)', async () => {
    const user = place.newUser('alice');
    const client = new Client({ name: 'v2', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
    await client.connect(
      new StreamableHTTPClientTransport(new URL(at('notes')), {
        requestInit: { headers: { authorization: `Bearer ${await place.world.token(user)}` } },
      }),
    );
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(['add', 'board', 'leak', 'logs', 'slow', 'whoami']);
    expect((await client.callTool({ name: 'whoami', arguments: {} })).content).toEqual([
      { type: 'text', text: 'alice' },
    ]);
    expect(place.notes.seen.at(-1)?.headers.authorization).toBe(place.credential('notes', user));
    expect((await client.listResources()).resources.map(({ uri }) => uri)).toEqual(['note://mine']);
    expect((await client.readResource({ uri: 'note://mine' })).contents).toEqual([
      { uri: 'note://mine', text: "alice's note" },
    ]);
    expect((await client.callTool({ name: 'add', arguments: { text: 'x' } })).content).toContainEqual({
      type: 'resource_link',
      uri: 'note://new',
      name: 'new',
    });
    await client.close();
  });
  test('knows neither what policy hides nor what other servers offer (R28) (S15)', async () => {
    const user = place.newUser('bob');
    const before = place.mail.seen.length;
    for (const name of ['secret', 'mail__whoami', 'notes__whoami'])
      expect((await send(at('notes'), user, 'tools/call', { name, arguments: {} })).json?.error?.code).toBe(-32602);
    for (const uri of ['via-mail+note://mine', 'via-notes+note://mine'])
      expect((await send(at('notes'), user, 'resources/read', { uri })).json?.error?.code).toBe(-32602);
    expect(place.mail.seen.length).toBe(before);
  });
  test('of a server that is not there and of one that is not for this caller answer alike (S15)', async () => {
    const user = place.newUser('carol');
    const machine = await place.world.token(user, {
      sub: user.userId,
      agent_assurance: 'asserted',
      client_id: 'agent',
    });
    const answers = [];
    for (const server of ['nothing', 'NOTES', 'notes__x', 'no tes'])
      answers.push(await postByHand(at(encodeURIComponent(server)), machine, modernRequest('tools/list')));
    expect(answers.map(({ status, json }) => [status, json?.error])).toEqual(
      Array.from({ length: 4 }, () => [
        404,
        { code: -31404, message: expect.stringMatching(/^No such server, or none for this user/) },
      ]),
    );
    await place.world.change({ deletes: [{ kind: 'AccessPolicy', name: 'mail' }] });
    await expect.poll(async () => (await send(at('mail'), user, 'tools/list')).status).toBe(404);
    const hidden = await send(at('mail'), user, 'tools/list');
    expect([hidden.status, hidden.text]).toEqual([404, answers[0]?.text]);
    await place.world.change({
      puts: place.documents.filter(({ kind, name }) => kind === 'AccessPolicy' && name === 'mail'),
    });
    await expect.poll(async () => (await send(at('mail'), user, 'tools/list')).status).toBe(200);
  });
  test('is part of the one protected resource: the same token, metadata of the address that was asked, no GET, and DELETE of the session (R15, R63)', async () => {
    const user = place.newUser('dora');
    for (const server of ['notes', 'nothing', 'notes/']) {
      const unauthenticated = await fetch(at(server), { method: 'POST', body: '{}' });
      const [, metadata = ''] =
        /^Bearer resource_metadata="([^"]+)"$/.exec(unauthenticated.headers.get('www-authenticate') ?? '') ?? [];
      expect([unauthenticated.status, metadata]).toEqual([
        401,
        at(server).replace('/mcp/', '/.well-known/oauth-protected-resource/mcp/'),
      ]);
      expect(await (await fetch(metadata)).json()).toMatchObject({
        resource: at(server),
        authorization_servers: [place.world.issuer],
      });
    }
    const authorization = `Bearer ${await place.world.token(user)}`;
    expect((await fetch(at('notes'), { headers: { authorization } })).status).toBe(405);
    const initialize = {
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } },
    };
    const opened = await postByHand(at('notes'), await place.world.token(user), { body: initialize });
    const session = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' };
    for (const status of [204, 404])
      expect((await fetch(at('notes'), { method: 'DELETE', headers: { authorization, ...session } })).status).toBe(
        status,
      );
    const foreign = await fetch(at('notes'), {
      method: 'POST',
      body: '{}',
      headers: { authorization, origin: 'https://evil.example', 'content-type': 'application/json' },
    });
    expect(foreign.status).toBe(403);
  });
});

describe('an address of the gateway', () => {
  const PROTECTED_RESOURCE = '/.well-known/oauth-protected-resource';
  /** `fetch` does not let a caller choose Host. */
  const ask = async (
    path: string,
    headers: Record<string, string>,
    { method = 'GET', body }: { method?: string; body?: unknown } = {},
  ) => {
    const { port } = new URL(place.world.url);
    return await new Promise<{ status: number; headers: IncomingHttpHeaders; text: string }>((settle, reject) => {
      const sent = httpRequest({ host: '127.0.0.1', port, path, method, headers }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (piece: string) => (text += piece));
        answer.on('end', () => settle({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
      });
      sent.once('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
    });
  };

  test('is served with a final slash as without one, before and after sign-in (R15)', async () => {
    const user = place.newUser('slash');
    const refused = await fetch(`${place.world.url}/`, { method: 'POST', body: '{}' });
    const origin = new URL(place.world.url).origin;
    expect(refused.headers.get('www-authenticate')).toBe(
      `Bearer resource_metadata="${origin}${PROTECTED_RESOURCE}/mcp/"`,
    );
    expect(await (await fetch(`${origin}${PROTECTED_RESOURCE}/mcp/`)).json()).toMatchObject({
      resource: `${place.world.url}/`,
    });
    expect(await (await fetch(`${origin}${PROTECTED_RESOURCE}/`)).json()).toMatchObject({ resource: place.world.url });
    for (const url of [`${place.world.url}/`, `${at('notes')}/`])
      expect((await send(url, user, 'tools/list')).status).toBe(200);
    expect(namesIn(await send(`${at('notes')}/`, user, 'tools/list'))).toContain('whoami');
  });

  test('of a loopback interface is one place by each of its names, and no other name is (S19)', async () => {
    const user = place.newUser('local');
    const token = await place.world.token(user);
    const { port } = new URL(place.world.url);
    const { body, headers } = modernRequest('tools/list');
    const call = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      authorization: `Bearer ${token}`,
      ...headers,
    };
    for (const host of [`localhost:${port}`, `[::1]:${port}`, `LOCALHOST:${port}`]) {
      expect((await ask('/mcp', { ...call, host }, { method: 'POST', body })).status).toBe(200);
      const named = `http://${host.toLowerCase()}`;
      const challenge = (await ask('/mcp', { host }, { method: 'POST', body: {} })).headers['www-authenticate'];
      expect(challenge).toBe(`Bearer resource_metadata="${named}${PROTECTED_RESOURCE}/mcp"`);
      expect(JSON.parse((await ask(`${PROTECTED_RESOURCE}/mcp`, { host })).text)).toMatchObject({
        resource: `${named}/mcp`,
      });
    }
    for (const host of ['localhost', 'evil.example', `localhost.evil.example:${port}`, `127.0.0.2:${port}`]) {
      const refused = await ask('/mcp', { ...call, host }, { method: 'POST', body });
      expect([refused.status, JSON.parse(refused.text)]).toMatchObject([
        403,
        { detail: `This is ${new URL(place.world.url).origin}: use that address.` },
      ]);
    }
  });

  test('lets pages of any origin read its metadata, and nothing else (S19)', async () => {
    const origin = 'http://localhost:6274';
    const { host } = new URL(place.world.url);
    const preflight = {
      host,
      origin,
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'mcp-protocol-version',
    };
    for (const path of [PROTECTED_RESOURCE, `${PROTECTED_RESOURCE}/mcp`, `${PROTECTED_RESOURCE}/mcp/notes`]) {
      const asked = await ask(path, preflight, { method: 'OPTIONS' });
      expect([asked.status, asked.headers['access-control-allow-origin']]).toEqual([204, '*']);
      expect(asked.headers['access-control-allow-headers']?.toLowerCase()).toContain('mcp-protocol-version');
      const read = await ask(path, { host, origin });
      expect([read.status, read.headers['access-control-allow-origin']]).toEqual([200, '*']);
    }
    for (const [path, method] of [
      ['/mcp', 'OPTIONS'],
      ['/mcp', 'POST'],
      [`${PROTECTED_RESOURCE}/mcp`, 'POST'],
    ] as const) {
      const refused = await ask(path, { ...preflight, 'access-control-request-method': 'POST' }, { method });
      expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([403, undefined]);
      expect(refused.text).toContain('SALLYPORT_ALLOWED_ORIGINS');
    }
  });
});

describe('an agent of 2025-03-26', () => {
  const call = (id: number, name: string, args: Record<string, unknown> = {}) => ({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name, arguments: args },
  });
  async function open(user: TestUser, version = '2025-03-26') {
    const token = await place.world.token(user);
    const opened = await postByHand(place.world.url, token, {
      body: {
        jsonrpc: '2.0',
        id: 1,
        method: 'initialize',
        params: { protocolVersion: version, capabilities: {}, clientInfo: { name: 't', version: '1' } },
      },
    });
    const headers = {
      'mcp-session-id': opened.headers.get('mcp-session-id') ?? '',
      accept: 'application/json, text/event-stream',
    };
    return {
      version: opened.json?.result?.['protocolVersion'],
      post: async (body: unknown) => await postByHand(place.world.url, token, { body, headers }),
      token,
    };
  }

  test('is answered in its own version, and told of links in words it knows (B5)', async () => {
    const agent = await open(place.newUser('erik'));
    expect(agent.version).toBe('2025-03-26');
    const { json } = await agent.post(call(2, 'notes__add', { text: 'x' }));
    expect(json?.result).toMatchObject({
      content: [
        { type: 'text', text: 'erik wrote x' },
        { type: 'text', text: 'new: via-notes+note://new' },
      ],
      structuredContent: { text: 'x' },
    });
  });
  test('and one of 2024-11-05 that speaks this transport, too: no batches, and a sound is told in text (B5)', async () => {
    const agent = await open(place.newUser('edda'), '2024-11-05');
    expect(agent.version).toBe('2024-11-05');
    expect((await agent.post(call(2, 'notes__add', { text: 'x' }))).json?.result?.['content']).toEqual([
      { type: 'text', text: 'edda wrote x' },
      { type: 'text', text: 'new: via-notes+note://new' },
    ]);
    expect((await agent.post([call(3, 'notes__whoami')])).status).toBe(400);
  });
  test('may send a batch: each element is decided, leased, answered and recorded on its own (R22, R62)', async () => {
    const user = place.newUser('fay');
    const agent = await open(user);
    await agent.post(call(1, 'notes__whoami'));
    const answer = await agent.post([
      call(1, 'notes__whoami'),
      { jsonrpc: '2.0', method: 'notifications/initialized' },
      call(2, 'mail__whoami'),
      call(3, 'notes__secret'),
      call(4, 'mail__add', { text: 'x' }),
      { jsonrpc: '2.0', id: 5, method: 'nonsense' },
      7,
      { jsonrpc: '2.0', id: 'unasked', result: {} },
    ]);
    expect(answer.status).toBe(200);
    const answers = answer.text.startsWith('[')
      ? (JSON.parse(answer.text) as { id: unknown; result?: { content: unknown }; error?: { code: number } }[])
      : [];
    expect(answers.map(({ id, result, error }) => [id, result?.content ?? error?.code])).toEqual([
      [1, [{ type: 'text', text: 'fay' }]],
      [2, [{ type: 'text', text: 'fay' }]],
      [3, -32602],
      [4, -32602],
      [5, -32601],
      [null, -32000],
    ]);
    await expect
      .poll(() =>
        place.world.records
          .filter(({ userId, method }) => userId === user.userId && method === 'tools/call')
          .map(({ server, decision }) => [server, decision]),
      )
      .toEqual([
        ['notes', 'allow'],
        ['notes', 'allow'],
        ['mail', 'allow'],
        ['notes', 'deny'],
        ['mail', 'deny'],
      ]);
  });
  test('gets one stream where something of its batch streams, and progress with it (B5)', async () => {
    const agent = await open(place.newUser('gil'));
    const slow = {
      ...call(1, 'notes__slow'),
      params: { name: 'notes__slow', arguments: {}, _meta: { progressToken: 'p' } },
    };
    const answer = await agent.post([slow, call(2, 'mail__whoami')]);
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    const messages = answer.text
      .trim()
      .split('\n\n')
      .map((event) => JSON.parse(event.split('data: ')[1] ?? 'null') as { id?: number; method?: string });
    expect(new Set(messages.flatMap(({ id }) => id ?? []))).toEqual(new Set([1, 2]));
    expect(messages.filter(({ method }) => method === 'notifications/progress')).toHaveLength(2);
  });
  test.each(['2025-06-18', '2025-11-25'])(
    'alone may: one of %s is refused, and nothing of its batch is done (B5)',
    async (version) => {
      const agent = await open(place.newUser('hal'), version);
      const before = place.notes.seen.length;
      const answer = await agent.post([call(1, 'notes__whoami')]);
      expect([answer.status, answer.json?.error?.code]).toEqual([400, -32000]);
      expect((await postByHand(place.world.url, agent.token, { body: [call(1, 'notes__whoami')] })).status).toBe(400);
      expect(
        (
          await postByHand(place.world.url, agent.token, {
            body: [call(1, 'notes__whoami')],
            headers: { 'mcp-session-id': 'gone', 'mcp-protocol-version': '2025-03-26' },
          })
        ).status,
      ).toBe(404);
      const { body, headers } = modernRequest('tools/call', { name: 'notes__whoami', arguments: {} });
      expect((await postByHand(place.world.url, agent.token, { body: [body], headers })).status).toBe(400);
      expect(place.notes.seen.length).toBe(before);
    },
  );
  test('learns of one element that its token lacks a scope, without a challenge for the whole (R31)', async () => {
    const user = place.newUser('ivy');
    const agent = await open(user);
    await place.world.change({
      puts: place.documents.flatMap((document) =>
        document.kind === 'AccessPolicy' && document.name === 'mail' && document.spec.hop === 'gateway-to-server'
          ? [{ ...document, spec: { ...document.spec, tools: [{ match: ['whoami'], scope: 'mail.read' }] } }]
          : [],
      ),
    });
    await place.world.change({
      puts: [{ kind: 'Role', name: 'reader', spec: { scopes: ['mail.read'], members: [] } }],
    });
    await expect.poll(async () => (await agent.post(call(1, 'mail__whoami'))).status).toBe(403);
    const answer = await agent.post([call(1, 'notes__whoami'), call(2, 'mail__whoami')]);
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([200, null]);
    expect((JSON.parse(answer.text) as { error?: { code: number } }[]).map(({ error }) => error?.code)).toEqual([
      undefined,
      -31403,
    ]);
    await place.world.change({
      puts: place.documents.filter(({ kind, name }) => kind === 'AccessPolicy' && name === 'mail'),
    });
  });
});

test('names in a list of one server are in the order of the whole list (R56)', async () => {
  const user = place.newUser('jon');
  const all = namesIn(await send(place.world.url, user, 'tools/list')) ?? [];
  expect(all.filter((name) => name?.startsWith('notes__'))).toEqual(
    (namesIn(await send(at('notes'), user, 'tools/list')) ?? []).map((name) => `notes__${name}`),
  );
});
