import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema, LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { Document } from '@sallyport/configuration';
import type { RunningService } from '@sallyport/process';
import { newId } from '@sallyport/kernel';
import { subjects } from '@sallyport/messages';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { startLegacyAskingServer, startModernAskingServer } from './world/asking-servers.js';
import type { AskingServer } from './world/asking-servers.js';
import { modernRequest, postByHand } from './world/by-hand.js';
import { startFront } from './world/front.js';
import type { Front } from './world/front.js';
import { startGatewayWorld, testUser } from './world/gateway-world.js';
import type { GatewayWorld, TestUser } from './world/gateway-world.js';

/** Two gateways on one bus, and clients whose every message may arrive at either. */
let servers: Record<'legacy' | 'modern', AskingServer>;
let world: GatewayWorld;
let front: Front;
let other: RunningService;
/** As `x-replica` of the front. */
type Replica = '0' | '1';
const [one, two] = ['0', '1'] as const;

beforeAll(async () => {
  servers = { legacy: await startLegacyAskingServer(), modern: await startModernAskingServer() };
  front = await startFront();
  const mayAsk = { elicitation: ['form'] };
  world = await startGatewayWorld(
    [
      Document.parse({
        kind: 'OutboundNetwork',
        name: 'default',
        spec: { allow: [{ host: '127.0.0.1', http: true }] },
      }),
      Document.parse({ kind: 'AccessPolicy', name: 'everyone', spec: { hop: 'client-to-gateway' } }),
      ...(['legacy', 'modern'] as const).flatMap((name) => [
        Document.parse({ kind: 'McpServer', name, spec: { url: servers[name].url, timeout: '5s', mayAsk } }),
        Document.parse({ kind: 'CredentialProvider', name, spec: { type: 'none', server: name } }),
        Document.parse({
          kind: 'AccessPolicy',
          name,
          spec: { hop: 'gateway-to-server', server: name, credentialProvider: name, tools: [{ match: ['*'] }] },
        }),
      ]),
    ],
    { gatewayUrl: front.origin },
  );
  world.leasing = () => ({
    type: 'granted',
    headers: {},
    connectionId: null,
    connectionRevision: 1,
    expiresInSeconds: 600,
  });
  front.targets[0] = world.gateway.urls['listening'] ?? '';
  other = await startOther();
});
afterEach(() => {
  world.clock.stoppedAt = undefined;
  vi.restoreAllMocks();
});
afterAll(async () => {
  await front?.close();
  await world?.close();
  for (const server of Object.values(servers ?? {})) await server.close();
});

async function startOther(): Promise<RunningService> {
  const service = await world.startReplica('gateway-2');
  front.targets[1] = service.urls['listening'] ?? '';
  await vi.waitFor(() => expect(service.readiness().status).toBe('ready'), { timeout: 60_000 });
  return service;
}
const tokenOf = (user: TestUser) => world.token(user, { aud: `${front.origin}/mcp` });
const endpoint = () => new URL(`${front.origin}/mcp`);

type Sent = { method?: string; id?: unknown; params?: Record<string, unknown> };
/** A `fetch` that chooses the replica by what is sent. */
const routed =
  (choose: (body: Sent) => Replica): typeof fetch =>
  (url, init) => {
    const headers = new Headers(init?.headers);
    headers.set('x-replica', choose(typeof init?.body === 'string' ? (JSON.parse(init.body) as Sent) : {}));
    return fetch(url, { ...init, headers });
  };

let choice: { action: 'accept' | 'decline'; content?: Record<string, string> };
let asked: string[];
beforeEach(() => {
  choice = { action: 'accept', content: { name: 'Ada' } };
  asked = [];
});

async function legacyClient(user: TestUser, choose: (body: Sent) => Replica) {
  const client = new LegacyClient({ name: 'v1', version: '1' }, { capabilities: { elicitation: {} } });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
    asked.push(params.message);
    return choice;
  });
  const headers = { authorization: `Bearer ${await tokenOf(user)}` };
  const transport = new LegacyTransport(endpoint(), { requestInit: { headers }, fetch: routed(choose) });
  await client.connect(transport);
  return { client, transport };
}
async function modernClient(user: TestUser, choose: (body: Sent) => Replica) {
  const client = new Client(
    { name: 'v2', version: '1' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } }, capabilities: { elicitation: { form: {} } } },
  );
  client.setRequestHandler('elicitation/create', ({ params }) => {
    asked.push(params.message);
    return choice;
  });
  await client.connect(
    new StreamableHTTPClientTransport(endpoint(), {
      requestInit: { headers: { authorization: `Bearer ${await tokenOf(user)}` } },
      fetch: routed(choose),
    }),
  );
  return client;
}
const textOf = (result: unknown) => (result as { content: { text: string }[] }).content.map(({ text }) => text).join();
const isAnswer = ({ method }: Sent) => method === undefined;
const isRetry = ({ params }: Sent) => params?.['requestState'] !== undefined;

describe('an answer that arrives at another replica', () => {
  test.each(['legacy', 'modern'] as const)(
    'reaches the %s server that waits for a legacy client (B5, B11)',
    async (server) => {
      const { client } = await legacyClient(testUser('alice'), (body) => (isAnswer(body) ? two : one));
      expect(textOf(await client.callTool({ name: `${server}__ask-form`, arguments: {} }))).toContain('Ada');
      await client.close();
    },
  );
  test.each(['legacy', 'modern'] as const)(
    'reaches the %s server that waits for a modern client, and progress goes on (B5, B11)',
    async (server) => {
      const client = await modernClient(testUser('bob'), (body) => (isRetry(body) ? two : one));
      expect(textOf(await client.callTool({ name: `${server}__ask-form`, arguments: {} }))).toContain('Ada');
      if (server === 'legacy') {
        const progress: number[] = [];
        expect(
          textOf(
            await client.callTool(
              { name: 'legacy__progress', arguments: {} },
              { onprogress: ({ progress: done }) => progress.push(done) },
            ),
          ),
        ).toContain('Ada');
        expect(progress.at(-1)).toBe(2);
      }
      await client.close();
    },
  );
});

/** A legacy client by hand: its session, its call under way and the question it was asked. */
async function askedByHand(user: TestUser, token: string) {
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    authorization: `Bearer ${token}`,
  };
  const post = (replica: Replica, body: object, more: Record<string, string> = {}) =>
    fetch(endpoint(), {
      method: 'POST',
      headers: { ...headers, 'x-replica': replica, ...more },
      body: JSON.stringify({ jsonrpc: '2.0', ...body }),
    });
  const initialize = async () => {
    const response = await post(one, {
      id: 1,
      method: 'initialize',
      params: {
        protocolVersion: '2025-11-25',
        capabilities: { elicitation: {} },
        clientInfo: { name: 't', version: '1' },
      },
    });
    await response.text();
    return { 'mcp-session-id': response.headers.get('mcp-session-id') ?? '', 'mcp-protocol-version': '2025-11-25' };
  };
  const session = await initialize();
  const response = await post(
    one,
    { id: 2, method: 'tools/call', params: { name: 'legacy__ask-form', arguments: {} } },
    session,
  );
  const reader = (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const readUntil = async (part: string) => {
    while (!text.includes(part)) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`the stream ended before ${part}: ${text}`);
      text += value;
    }
    return text;
  };
  await readUntil('elicitation/create');
  const { id } = JSON.parse(/data: (.*elicitation\/create.*)/.exec(text)?.[1] ?? '{}') as { id: string };
  return { user, session, id, post, initialize, readUntil, said: () => text };
}

describe("an answer that is not the asked one's", () => {
  const answer = (id: string, name: string) => ({ id, result: { action: 'accept', content: { name } } });
  test('is accepted like any other and reaches nobody: another user, sign-in, agent or session (S16)', async () => {
    const carol = testUser('carol');
    const asking = await askedByHand(carol, await tokenOf(carol));
    const strangers = [
      { token: await tokenOf(testUser('mallory')), why: 'another user' },
      { token: await tokenOf({ ...carol, sid: newId('ses') }), why: 'another sign-in' },
      {
        token: await world.token(carol, { aud: `${front.origin}/mcp`, client_id: 'https://other.example/client.json' }),
        why: 'another agent',
      },
    ];
    for (const { token, why } of strangers) {
      const stranger = { authorization: `Bearer ${token}` };
      for (const session of [asking.session, { ...asking.session, 'mcp-session-id': await askedSession(token) }]) {
        for (const replica of [one, two]) {
          const response = await asking.post(replica, answer(asking.id, why), { ...session, ...stranger });
          expect([response.status, await response.text()]).toEqual([202, '']);
        }
      }
    }
    const ofOtherSession = await asking.post(two, answer(asking.id, 'another session'), await asking.initialize());
    expect(ofOtherSession.status).toBe(202);
    const unknown = await asking.post(two, answer('nonsense', 'unknown'), asking.session);
    expect([unknown.status, await unknown.text()]).toEqual([202, '']);
    const right = await asking.post(two, answer(asking.id, 'Carol'), asking.session);
    expect([right.status, await right.text()]).toEqual([202, '']);
    const text = await asking.readUntil('"id":2');
    expect(text).toContain('Carol');
    expect(text).not.toMatch(/another|unknown/);
  });
  test(
    'is brought to the other gateway so often and no more, and costs what it is long: others are heard (S32, S34)',
    { timeout: 120_000 },
    async () => {
      const [dan, erin] = [testUser('dan'), testUser('erin')];
      const [loud, quiet] = [await askedByHand(dan, await tokenOf(dan)), await askedByHand(erin, await tokenOf(erin))];
      world.clock.stoppedAt = Date.now();
      let brought = 0;
      const ask = vi.spyOn(world.messaging.peers, 'ask').mockImplementation(async () => {
        brought += 1;
        throw new Error('nobody is told, only counted');
      });
      const statuses: number[] = [];
      const isOver = () => statuses.length > 8 && statuses.slice(-8).every((status) => status === 429);
      for (let round = 0; round < 40 && !isOver(); round++) {
        await Promise.all(
          Array.from({ length: 8 }, async () =>
            statuses.push((await loud.post(two, answer(loud.id, 'x'.repeat(500_000)), loud.session)).status),
          ),
        );
      }
      ask.mockRestore();
      world.clock.stoppedAt = undefined;
      expect(isOver()).toBe(true);
      expect(brought).toBeLessThan(30);
      expect((await quiet.post(two, answer(quiet.id, 'Erin'), quiet.session)).status).toBe(202);
      expect(await quiet.readUntil('"id":2')).toContain('Erin');
    },
  );
  async function askedSession(token: string): Promise<string> {
    const response = await fetch(endpoint(), {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'initialize',
        params: {
          protocolVersion: '2025-11-25',
          capabilities: { elicitation: {} },
          clientInfo: { name: 't', version: '1' },
        },
      }),
    });
    await response.text();
    return response.headers.get('mcp-session-id') ?? '';
  }
});

/** A modern client by hand: the state of a call that is parked at the replica of `url`. */
async function parkedByHand(user: TestUser, replica: Replica) {
  const token = await tokenOf(user);
  const _meta = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } } };
  const call = { name: 'legacy__ask-form', arguments: {}, _meta };
  const first = await postByHand(endpoint().href, token, modernRequest('tools/call', call, { 'x-replica': replica }));
  const { requestState, inputRequests } = (first.json?.result ?? {}) as {
    requestState: string;
    inputRequests: Record<string, unknown>;
  };
  const inputResponses = Object.fromEntries(Object.keys(inputRequests).map((key) => [key, choice]));
  const retry = (at: Replica, as = token, responses: object = inputResponses) =>
    postByHand(
      endpoint().href,
      as,
      modernRequest('tools/call', { ...call, requestState, inputResponses: responses }, { 'x-replica': at }),
    );
  return { token, retry };
}

describe('a parked call', () => {
  test('goes on once, for its own user, with an answer to what was asked (S16)', async () => {
    const dave = testUser('dave');
    const { retry } = await parkedByHand(dave, one);
    for (const stranger of [testUser('mallory'), { ...dave, sid: newId('ses') }])
      expect((await retry(two, await tokenOf(stranger))).json?.error).toMatchObject({ code: -32602 });
    for (const responses of [{}, { question: { action: 'perhaps' } }, { other: choice }])
      expect((await retry(two, undefined, responses)).json?.error).toMatchObject({ code: -32602 });
    expect(textOf((await retry(two)).json?.result)).toContain('Ada');
    const again = (await retry(two)).json?.result;
    expect([again?.['isError'], textOf(again)]).toEqual([
      true,
      'The call to legacy that waited for the user is gone. The call may have been carried out: find out before making it again.',
    ]);
  });
  test('goes on with the credential it began with and no other (S16, R34)', async () => {
    const holly = testUser('holly');
    const { retry } = await parkedByHand(holly, one);
    const before = world.leasing;
    world.leasing = () => ({
      type: 'granted',
      headers: {},
      connectionId: newId('con'),
      connectionRevision: 1,
      expiresInSeconds: 600,
    });
    expect(textOf((await retry(two)).json?.result)).toContain('is gone');
    world.leasing = before;
    // Where it began, the credential is still the one it began with.
    expect(textOf((await retry(one)).json?.result)).toContain('Ada');
  });
  test('takes no answer at another replica that is too large for the bus, and waits for one that is not', async () => {
    const ivy = testUser('ivy');
    const { retry } = await parkedByHand(ivy, one);
    const large = { question: { action: 'accept', content: { name: 'x'.repeat(800 * 1024) } } };
    expect([
      (await retry(two, undefined, large)).status,
      (await retry(two, undefined, large)).json?.error?.message,
    ]).toEqual([413, expect.stringMatching(/too large|larger/i)]);
    expect(textOf((await retry(two)).json?.result)).toContain('Ada');
  });
  test('ends at the server when its agent session is revoked (S17)', async () => {
    const erin = testUser('erin');
    const { cancelled } = servers.legacy;
    await parkedByHand(erin, one);
    const now = Math.floor(Date.now() / 1000);
    await world.change({
      revocations: [
        { id: newId('rev'), subject: { type: 'session', sid: erin.sid }, notBefore: now + 1, expiresAt: now + 3_600 },
      ],
    });
    await expect.poll(() => servers.legacy.cancelled).toBe(cancelled + 1);
  });
  test('ends at the server when the client that resumed it elsewhere goes away', async () => {
    const { cancelled } = servers.legacy;
    const frank = testUser('frank');
    const client = await modernClient(frank, (body) => (isRetry(body) ? two : one));
    const stop = new AbortController();
    const answers = () => servers.legacy.received.filter((method) => method === 'answer').length;
    const before = answers();
    const call = client.callTool({ name: 'legacy__ask-then-hang', arguments: {} }, { signal: stop.signal });
    await expect.poll(() => asked).toHaveLength(1);
    await expect.poll(answers).toBe(before + 1);
    stop.abort();
    await expect(call).rejects.toThrow(/abort/i);
    await expect.poll(() => servers.legacy.cancelled).toBe(cancelled + 1);
    await client.close();
  });
  test('of a replica that is gone, or that does not answer, is said to be lost within a second', async () => {
    const gina = testUser('gina');
    const [first, second] = [await parkedByHand(gina, two), await parkedByHand(gina, two)];
    await other.close();
    const lost = async (retry: typeof first.retry) => {
      const startedAt = performance.now();
      const { result } = (await retry(one)).json ?? {};
      expect([result?.['isError'], textOf(result)]).toEqual([
        true,
        'The call to legacy that waited for the user is gone. The call may have been carried out: find out before making it again.',
      ]);
      return performance.now() - startedAt;
    };
    // Within a second on a machine that is not busy; waiting for the server's time-out would take five.
    expect(await lost(first.retry)).toBeLessThan(3_000);
    const stop = await world.messaging.peers.serve('gateway-2', () => new Promise(() => undefined));
    expect(await lost(second.retry)).toBeLessThan(3_000);
    await stop();
    other = await startOther();
  });
});

describe('what a legacy client says at another replica than its call', () => {
  test('cancels the call (R63)', async () => {
    const { cancelled } = servers.legacy;
    const { client } = await legacyClient(testUser('henry'), ({ method }) =>
      method === 'notifications/cancelled' ? two : one,
    );
    const stop = new AbortController();
    const call = client.callTool({ name: 'legacy__hang', arguments: {} }, undefined, { signal: stop.signal });
    await expect.poll(() => servers.legacy.received.at(-1)).toBe('tools/call');
    stop.abort();
    await expect(call).rejects.toThrow(/abort/i);
    await expect.poll(() => servers.legacy.cancelled).toBe(cancelled + 1);
    await client.close();
  });
  test('ends its session, and with it what runs in it (R64, S17)', async () => {
    const { cancelled } = servers.legacy;
    const kate = testUser('kate');
    const token = await tokenOf(kate);
    const asking = await askedByHand(kate, token);
    const ended = await fetch(endpoint(), {
      method: 'DELETE',
      headers: {
        authorization: `Bearer ${token}`,
        'x-replica': two,
        'mcp-session-id': asking.session['mcp-session-id'],
      },
    });
    expect(ended.status).toBe(204);
    await expect.poll(() => servers.legacy.cancelled).toBe(cancelled + 1);
  });
  test('sets how much of the log it sees', async () => {
    const { client } = await legacyClient(testUser('ivy'), ({ method }) => (method === 'logging/setLevel' ? two : one));
    const log: unknown[] = [];
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => void log.push(params.data));
    await client.setLoggingLevel('error');
    await client.callTool({ name: 'legacy__log', arguments: {} });
    expect(log).toEqual(['a error']);
    await client.setLoggingLevel('debug');
    await client.callTool({ name: 'legacy__log', arguments: {} });
    expect(log).toEqual(['a error', 'a debug', 'a error']);
    await client.close();
  });
});

test('whoever is on the bus without the key of the gateways can say nothing to them (S16, S26)', async () => {
  const jack = testUser('jack');
  const asking = await askedByHand(jack, await tokenOf(jack));
  const forged = JSON.stringify({
    from: 'gateway-2',
    sealed: Buffer.from(
      JSON.stringify({ nonce: 'n', issuedAt: Date.now(), content: { type: 'cancel', sessionId: 'x', requestId: 2 } }),
    ).toString('base64url'),
  });
  expect(await world.messaging.peers.ask('gateway-1', forged, { timeoutMs: 1_000 })).toBe('');
  await world.messaging.broadcast.publish(subjects.allGateways, forged);
  await asking.post(two, { id: asking.id, result: { action: 'accept', content: { name: 'Jack' } } }, asking.session);
  expect(await asking.readUntil('"id":2')).toContain('Jack');
});
