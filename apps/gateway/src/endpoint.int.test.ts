import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { modernRequest, postByHand } from './testing/by-hand.js';
import type { TestUser } from './testing/gateway-world.js';
import { startTwoServers } from './testing/two-servers.js';
import type { TwoServers } from './testing/two-servers.js';

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
  test('is that server alone, under its own names, by the same policies and credentials (R52) (R57) (R62) (S12)', async () => {
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
      Array.from({ length: 4 }, () => [404, { code: -31404, message: 'No such server.' }]),
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
  test('is part of the one protected resource: the same token, the same metadata, no GET, and DELETE of the session (R15) (R63) (R64) (S19)', async () => {
    const user = place.newUser('dora');
    const unauthenticated = await fetch(at('notes'), { method: 'POST', body: '{}' });
    expect([unauthenticated.status, unauthenticated.headers.get('www-authenticate')]).toEqual([
      401,
      `Bearer resource_metadata="${place.world.url.replace('/mcp', '/.well-known/oauth-protected-resource/mcp')}"`,
    ]);
    for (const server of ['notes', 'nothing']) {
      const metadata = await fetch(
        place.world.url.replace('/mcp', `/.well-known/oauth-protected-resource/mcp/${server}`),
      );
      expect(await metadata.json()).toMatchObject({
        resource: place.world.url,
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
  test('may send a batch: each element is decided, leased, answered and recorded on its own (B5) (R22) (R62) (R74)', async () => {
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
        [undefined, 'deny'],
        [undefined, 'deny'],
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
