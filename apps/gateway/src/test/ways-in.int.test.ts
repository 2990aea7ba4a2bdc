import { request as send } from 'node:http';
import { Document } from '@sallyport/configuration';
import { newId } from '@sallyport/kernel';
import { eventually } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLegacyAskingServer } from './world/asking-servers.js';
import type { AskingServer } from './world/asking-servers.js';
import { startGatewayWorld, testUser } from './world/gateway-world.js';
import type { GatewayWorld, TestUser } from './world/gateway-world.js';
import { WAYS_IN } from './world/ways-in.js';
import type { WayIn } from './world/ways-in.js';

let notes: AskingServer;
let world: GatewayWorld;
beforeAll(async () => {
  notes = await startLegacyAskingServer();
  world = await startGatewayWorld(
    [
      { kind: 'OutboundNetwork', name: 'default', spec: { allow: [{ host: '127.0.0.1', http: true }] } },
      { kind: 'AccessPolicy', name: 'everyone', spec: { hop: 'client-to-gateway', trustProviders: ['demo'] } },
      { kind: 'McpServer', name: 'notes', spec: { url: notes.url, timeout: '60s', mayAsk: { elicitation: ['form'] } } },
      { kind: 'CredentialProvider', name: 'notes', spec: { type: 'none', server: 'notes' } },
      {
        kind: 'AccessPolicy',
        name: 'notes',
        spec: {
          hop: 'gateway-to-server',
          server: 'notes',
          credentialProvider: 'notes',
          tools: [{ match: ['*'] }],
          resources: [{ match: ['note://**'] }],
        },
      },
    ].map((document) => Document.parse(document)),
  );
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
  await notes?.close();
});

interface Sent {
  readonly status: number | undefined;
  readonly text: string;
}
/** Headers as they are, repeated ones too; a stream is left once it has begun. */
function enter(
  { method, body, headers: own = {} }: WayIn,
  headers: Record<string, string | string[]>,
  { url = world.url, text = body === undefined ? undefined : JSON.stringify(body) } = {},
): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const outgoing = send(
      url,
      {
        method,
        headers: {
          ...(text === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
          ...own,
          ...headers,
        },
      },
      (response) => {
        let received = '';
        response
          .on('data', (chunk: Buffer) => {
            received += chunk.toString();
            if (response.headers['content-type'] === 'text/event-stream') outgoing.destroy();
          })
          .on('error', () => undefined)
          .on('close', () => resolve({ status: response.statusCode, text: received }));
      },
    ).on('error', reject);
    outgoing.end(text);
  });
}
const bearer = async (user: TestUser, claims: Record<string, unknown> = {}) => ({
  authorization: `Bearer ${await world.token(user, claims)}`,
});
/** What each way answers, of those that do not answer as they should. */
async function unlike(
  expected: (way: WayIn) => unknown,
  answerOf: (way: WayIn) => Promise<unknown>,
): Promise<Record<string, unknown>> {
  const answers = await Promise.all(
    Object.entries(WAYS_IN).map(async ([name, way]) => [name, await answerOf(way), expected(way)] as const),
  );
  return Object.fromEntries(
    answers
      .filter(([, actual, wanted]) => JSON.stringify(actual) !== JSON.stringify(wanted))
      .map(([name, actual]) => [name, actual]),
  );
}
const statusOf = async (
  way: WayIn,
  headers: Record<string, string | string[]>,
  options?: { url?: string; text?: string },
) => (await enter(way, headers, options)).status;
/** The one JSON-RPC message it holds, alone or in a batch. */
const errorIn = ({ text }: Sent): { id?: unknown; error?: { code: number } } =>
  JSON.parse(text === '' ? '{}' : text.replace(/^\[(.*)\]$/s, '$1')) as { id?: unknown; error?: { code: number } };

describe('every way in', () => {
  test('is closed without a token, and with one that is not ours (R12)', async () => {
    expect(
      await unlike(
        () => 401,
        (way) => statusOf(way, {}),
      ),
    ).toEqual({});
    expect(
      await unlike(
        () => 401,
        (way) => statusOf(way, { authorization: 'Bearer e30.e30.e30' }),
      ),
    ).toEqual({});
  });
  test('is closed to a token that is bound to a key and comes without its proof (S7)', async () => {
    const headers = await bearer(testUser('bound'), { cnf: { jkt: 'a'.repeat(43) } });
    expect(
      await unlike(
        () => 401,
        (way) => statusOf(way, headers),
      ),
    ).toEqual({});
  });
  test('is closed to headers that say two things (S10)', async () => {
    const { authorization } = await bearer(testUser('twice'));
    expect(
      await unlike(
        () => 400,
        (way) => statusOf(way, { authorization: [authorization, authorization] }),
      ),
    ).toEqual({});
    expect(
      await unlike(
        () => 400,
        (way) => statusOf(way, { authorization, 'mcp-session-id': ['one', 'two'] }),
      ),
    ).toEqual({});
  });
  test('is closed to whom the first hop does not let in, and what is no request is not answered as if it were done (R28, R22)', async () => {
    const headers = await bearer(testUser('mallory'), { idp: 'elsewhere' });
    const before = notes.received.length;
    const refused = ({ method, isRequest, body }: WayIn) =>
      method === 'GET'
        ? [405, null, null]
        : Array.isArray(body) || isRequest
          ? [200, isRequest ? 7 : null, -31401]
          : [400, null, -31401];
    expect(
      await unlike(refused, async (way) => {
        const answer = await enter(way, headers);
        const { id, error } = errorIn(answer);
        return [answer.status, id ?? null, error?.code ?? null];
      }),
    ).toEqual({});
    expect(notes.received.length).toBe(before);
  });
  test('leads to no server that is not there for this caller (S15)', async () => {
    const headers = await bearer(testUser('lost'));
    const missing = ({ method, body }: WayIn) => (method === 'GET' ? 405 : Array.isArray(body) ? 200 : 404);
    expect(await unlike(missing, (way) => statusOf(way, headers, { url: `${world.url}/nowhere` }))).toEqual({});
  });
  test('is closed to whoever has too much under way already, and open to everybody else (S32, S33)', async () => {
    const [crowd, other] = [testUser('crowd'), testUser('other')];
    const headers = await bearer(crowd);
    const arriving = Array.from({ length: 256 }, () =>
      send(world.url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json', 'content-length': 1_000 },
      }).on('error', () => undefined),
    );
    for (const request of arriving) request.write(' ');
    const list = WAYS_IN['tools/list'] ?? expect.fail();
    await eventually(async () => (await statusOf(list, headers)) === 429, {
      until: 'there is no place left',
    });
    expect(
      await unlike(
        () => 429,
        (way) => statusOf(way, headers),
      ),
    ).toEqual({});
    expect(await statusOf(list, await bearer(other))).toBe(200);
    for (const request of arriving) request.destroy();
    await eventually(async () => (await statusOf(list, headers)) === 200, {
      until: 'there are places again',
    });
  });
  test('but for calls and ends of sessions stays open to a user whose calls take all their places: questions are answered, calls cancelled (S32)', async () => {
    const busy = testUser('busy');
    const headers = await bearer(busy);
    const hang: WayIn = {
      method: 'POST',
      body: { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'notes__hang', arguments: {} } },
      isRequest: true,
    };
    const calls = Array.from({ length: 256 }, () =>
      send(world.url, { method: 'POST', headers: { ...headers, 'content-type': 'application/json' } }).on(
        'error',
        () => undefined,
      ),
    );
    for (const call of calls) call.end(JSON.stringify(hang.body));
    const ping = WAYS_IN['ping'] ?? expect.fail();
    await eventually(async () => (await statusOf(ping, headers)) === 429, {
      until: 'the calls take all places',
    });
    const open = (way: WayIn) =>
      way.method === 'GET'
        ? 405
        : way.isRequest
          ? Array.isArray(way.body)
            ? 200
            : 429
          : way.method === 'DELETE'
            ? 429
            : 202;
    expect(await unlike(open, (way) => statusOf(way, headers))).toEqual({});
    expect(await statusOf(ping, await bearer(testUser('idle')))).toBe(200);
    for (const call of calls) call.destroy();
  });
  test('takes no body beyond the limit (S10)', async () => {
    const headers = { ...(await bearer(testUser('large'))), connection: 'close' };
    const text = ' '.repeat(1024 * 1024 + 1);
    expect(
      await unlike(
        ({ method }) => (method === 'POST' ? 413 : method === 'GET' ? 405 : 404),
        (way) => (way.method === 'POST' ? statusOf(way, headers, { text }).catch(() => 413) : statusOf(way, headers)),
      ),
    ).toEqual({});
  });
  test('is recorded with who came, through which agent, by which policy and for what (R75, R29)', async () => {
    const users = new Map(Object.keys(WAYS_IN).map((name) => [name, testUser(name)]));
    for (const [name, way] of Object.entries(WAYS_IN)) {
      const user = users.get(name) as TestUser;
      await enter(way, await bearer(user));
      const record = await eventually(() => world.records.find(({ userId }) => userId === user.userId), {
        until: `${name} is recorded`,
      });
      expect([name, record?.clientId, record?.sid, record?.policies?.clientToGateway, record?.method]).toEqual([
        name,
        'https://agent.example/client.json',
        user.sid,
        'everyone',
        way.recorded,
      ]);
    }
  });
  test('is closed once its user is revoked (S17, S28)', async () => {
    const user = testUser('revoked');
    const headers = await bearer(user);
    const now = Math.floor(Date.now() / 1000);
    await world.change({
      revocations: [
        { id: newId('rev'), subject: { type: 'user', userId: user.userId }, notBefore: now + 60, expiresAt: null },
      ],
    });
    const ping: WayIn = { method: 'POST', body: { jsonrpc: '2.0', id: 1, method: 'ping' }, isRequest: true };
    await eventually(async () => (await statusOf(ping, headers)) === 401, { until: 'the revocation is here' });
    expect(
      await unlike(
        () => 401,
        (way) => statusOf(way, headers),
      ),
    ).toEqual({});
  });
});

describe('who is not let in any more', () => {
  const alice = testUser('alice');
  const rpc = async (
    body: object,
    { session, claims = {}, signal }: { session?: string | undefined; claims?: object; signal?: AbortSignal } = {},
  ) =>
    await fetch(world.url, {
      method: 'POST',
      body: JSON.stringify({ jsonrpc: '2.0', ...body }),
      signal: signal ?? null,
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...(await bearer(alice, { ...claims })),
        ...(session === undefined ? {} : { 'mcp-session-id': session }),
      },
    });
  const elsewhere = { idp: 'elsewhere' };
  const newSession = async () =>
    (
      await rpc({
        id: 1,
        method: 'initialize',
        params: {
          protocolVersion: '2025-11-25',
          capabilities: { elicitation: {} },
          clientInfo: { name: 'a', version: '1' },
        },
      })
    ).headers.get('mcp-session-id') ?? '';

  test('does not answer questions that were asked before; who is, does (R28, S16)', async () => {
    const session = await newSession();
    const call = await rpc(
      { id: 2, method: 'tools/call', params: { name: 'notes__ask-form', arguments: {} } },
      { session },
    );
    const reader = (call.body as ReadableStream<Uint8Array>)
      .pipeThrough(new TextDecoderStream() as never)
      .getReader() as ReadableStreamDefaultReader<string>;
    let said = '';
    const until = async (wanted: RegExp): Promise<RegExpExecArray> => {
      for (;;) {
        const found = wanted.exec(said);
        if (found !== null) return found;
        const { value, done } = await reader.read();
        if (done) throw new Error(`the stream ended: ${said}`);
        said += value;
      }
    };
    const id = (await until(/"id":"([^"]{20,})"/))[1] ?? '';
    const answerAs = (name: string, claims?: object) =>
      rpc(
        { id, result: { action: 'accept', content: { name } } },
        { session, ...(claims === undefined ? {} : { claims }) },
      );
    expect((await answerAs('mallory', elsewhere)).status).toBe(400);
    expect((await answerAs('ada')).status).toBe(202);
    expect((await until(/"result":\{.*\}/))[0]).toContain('ada');
  });
  test('neither cancels a call nor ends a session (R28, R64)', async () => {
    const session = await newSession();
    const before = notes.received.filter((method) => method === 'tools/call').length;
    const gone = new AbortController();
    const call = rpc(
      { id: 3, method: 'tools/call', params: { name: 'notes__hang', arguments: {} } },
      { session, signal: gone.signal },
    );
    await eventually(() => notes.received.filter((method) => method === 'tools/call').length > before, {
      until: 'the call runs',
    });
    const cancelled = notes.cancelled;
    expect(
      (await rpc({ method: 'notifications/cancelled', params: { requestId: 3 } }, { session, claims: elsewhere }))
        .status,
    ).toBe(400);
    const end = async (claims: Record<string, unknown>) =>
      (
        await fetch(world.url, {
          method: 'DELETE',
          headers: { ...(await bearer(alice, claims)), 'mcp-session-id': session },
        })
      ).status;
    expect(await end(elsewhere)).toBe(400);
    expect([(await rpc({ id: 4, method: 'ping' }, { session })).status, notes.cancelled]).toEqual([200, cancelled]);
    expect((await rpc({ method: 'notifications/cancelled', params: { requestId: 3 } }, { session })).status).toBe(202);
    await eventually(() => notes.cancelled > cancelled, { until: 'the call is cancelled' });
    await call.catch(() => undefined);
    gone.abort();
    expect(await end({})).toBe(204);
    expect((await rpc({ id: 5, method: 'ping' }, { session })).status).toBe(404);
  });
});

describe('while nothing can be vouched for', () => {
  test('every way in is closed, and says that it is for now (S27)', async () => {
    const headers = await bearer(testUser('late'));
    world.silence();
    world.clock.aheadMs = 60_000;
    expect(
      await unlike(
        () => 503,
        (way) => statusOf(way, headers),
      ),
    ).toEqual({});
  });
});
