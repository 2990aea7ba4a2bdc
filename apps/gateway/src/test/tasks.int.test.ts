import { Document } from '@sallyport/configuration';
import { newId } from '@sallyport/kernel';
import { eventually } from '@sallyport/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import type { RawAnswer } from './world/by-hand.js';
import { startGatewayWorld, testUser } from './world/gateway-world.js';
import type { GatewayWorld, TestUser } from './world/gateway-world.js';
import { startTaskServer, workingTask } from './world/task-server.js';
import type { TaskServer } from './world/task-server.js';

let jobs: TaskServer;
let other: TaskServer;
let world: GatewayWorld;
let alice: TestUser;
let token: string;

const serverDocument = (name: string, spec: object = {}) =>
  Document.parse({
    kind: 'McpServer',
    name,
    spec: {
      url: (name === 'jobs' ? jobs : other).url,
      title: name === 'jobs' ? 'Jobs' : 'Other',
      timeout: '5s',
      mayAsk: { elicitation: ['form', 'url'], urlOrigins: ['https://login.example'] },
      ...spec,
    },
  });
const policy = (name: string, spec: object = {}) =>
  Document.parse({
    kind: 'AccessPolicy',
    name,
    spec: { hop: 'gateway-to-server', server: name, credentialProvider: name, tools: [{ match: ['*'] }], ...spec },
  });

beforeAll(async () => {
  [jobs, other] = await Promise.all([startTaskServer(), startTaskServer()]);
  world = await startGatewayWorld([
    Document.parse({ kind: 'OutboundNetwork', name: 'default', spec: { allow: [{ host: '127.0.0.1', http: true }] } }),
    Document.parse({ kind: 'AccessPolicy', name: 'everyone', spec: { hop: 'client-to-gateway' } }),
    ...['jobs', 'other'].flatMap((name) => [
      serverDocument(name),
      Document.parse({ kind: 'CredentialProvider', name, spec: { type: 'mcp-user-oauth', server: name } }),
      policy(name),
    ]),
  ]);
  world.leasing = ({ server }, user) => ({
    type: 'granted',
    headers: { authorization: `Bearer ${server}-of-${user.userId}` },
    connectionId: `con_${server}_${user.userId}`,
    connectionRevision: 1,
    expiresInSeconds: 600,
  });
});
afterAll(async () => {
  await world?.close();
  await jobs?.close();
  await other?.close();
});
beforeEach(async () => {
  alice = testUser('alice');
  token = await world.token(alice);
  for (const server of [jobs, other]) {
    server.misbehave = undefined;
    server.seen.length = 0;
  }
});

const EXTENSION = { 'io.modelcontextprotocol/tasks': {} };
const capable = {
  _meta: {
    'io.modelcontextprotocol/clientCapabilities': { extensions: EXTENSION, elicitation: { form: {}, url: {} } },
  },
};
type Options = { readonly as?: string; readonly url?: string; readonly capabilities?: object };
const send = (
  method: string,
  params: Record<string, unknown>,
  { as = token, url = world.url, capabilities }: Options = {},
): Promise<RawAnswer> =>
  postByHand(
    url,
    as,
    modernRequest(method, {
      ...params,
      ...(capabilities === undefined
        ? capable
        : { _meta: { 'io.modelcontextprotocol/clientCapabilities': capabilities } }),
    }),
  );
const get = (taskId: unknown, options?: Options) => send('tasks/get', { taskId }, options);
async function begin(args: Record<string, unknown> = {}, tool = 'jobs__begin'): Promise<string> {
  const { json } = await send('tools/call', { name: tool, arguments: args });
  const taskId = json?.result?.['taskId'];
  return typeof taskId === 'string' ? taskId : expect.fail(JSON.stringify(json));
}
/** The server's own id of the task begun last. */
const ownId = (server = jobs): string => [...server.tasks.keys()].at(-1) ?? expect.fail('no task');
const sentTo = (server: TaskServer) =>
  server.seen.filter(({ method }) => method.startsWith('tasks/')).map(({ method }) => method);
const recordOf = (method: string, decision: string) =>
  eventually(() =>
    world.records.find(
      (record) => record.userId === alice.userId && record.method === method && record.decision === decision,
    ),
  );

/** What a task that does not exist is answered with, whoever asks. */
const UNKNOWN = { jsonrpc: '2.0', id: 7, error: { code: -32602, message: 'Unknown task.' } };

describe('a call that becomes a task', () => {
  test("is followed up by an id of the gateway's, to the server and the tool it names, with the credential of whoever began it (S16, R54)", async () => {
    const { status, json } = await send('tools/call', { name: 'jobs__begin', arguments: { size: 3 } });
    const id = ownId();
    const { taskId, ...state } = workingTask(id);
    expect({ status, result: json?.result }).toEqual({
      status: 200,
      result: { resultType: 'task', ...state, taskId: expect.stringMatching(/^[\w-]{60,}$/) },
    });
    expect(JSON.stringify(json)).not.toContain(taskId);

    const sealed = json?.result?.['taskId'];
    expect((await get(sealed)).json?.result).toEqual({ resultType: 'complete', ...state, taskId: sealed });
    jobs.tasks.set(id, {
      ...workingTask(id),
      status: 'completed',
      result: {
        content: [{ type: 'resource_link', uri: 'job://done', name: 'done' }],
        _meta: { 'io.modelcontextprotocol/related-task': { taskId: id }, mine: 1 },
      },
    });
    expect((await get(sealed)).json?.result).toEqual({
      resultType: 'complete',
      ...state,
      taskId: sealed,
      status: 'completed',
      result: {
        content: [{ type: 'resource_link', uri: 'via-jobs+job://done', name: 'done' }],
        _meta: { mine: 1 },
        resultType: 'complete',
      },
    });
    expect((await send('tasks/cancel', { taskId: sealed })).json?.result).toEqual({ resultType: 'complete' });
    expect((await get(sealed)).json?.result?.['status']).toBe('cancelled');
    expect(
      jobs.seen
        .filter(({ method }) => method.startsWith('tasks/'))
        .map(({ method, params, authorization }) => [method, params['taskId'], authorization]),
    ).toEqual(['get', 'get', 'cancel', 'get'].map((what) => [`tasks/${what}`, id, `Bearer jobs-of-${alice.userId}`]));
    for (const method of ['tasks/get', 'tasks/cancel'])
      expect(await recordOf(method, 'allow')).toMatchObject({
        userId: alice.userId,
        clientId: 'https://agent.example/client.json',
        server: 'jobs',
        target: 'begin',
        connectionId: `con_jobs_${alice.userId}`,
      });
  });
  test('tells of an error it failed with (R62)', async () => {
    const taskId = await begin();
    jobs.tasks.set(ownId(), {
      ...workingTask(ownId()),
      status: 'failed',
      error: { code: -32603, message: 'It broke.', secret: 1 },
    });
    expect((await get(taskId)).json?.result).toMatchObject({
      taskId,
      status: 'failed',
      error: { code: -32603, message: 'It broke.' },
    });
  });
  test('gives a result of megabytes, whatever the server says after it (R62, B5)', async () => {
    const taskId = await begin();
    const { pollIntervalMs, ...state } = workingTask(ownId());
    const result = {
      content: [
        { type: 'text', text: 'long '.repeat(800_000) },
        { type: 'text', text: 'short' },
      ],
      isError: false,
    };
    jobs.tasks.set(ownId(), { ...state, status: 'completed', result, statusMessage: 'Done', pollIntervalMs });
    const { headers, json } = await postByHand(
      world.url,
      token,
      modernRequest('tasks/get', { taskId, ...capable }, { accept: 'application/json, text/event-stream' }),
    );
    expect(headers.get('content-type')).toBe('text/event-stream');
    expect(json?.result).toEqual({
      ...state,
      taskId,
      status: 'completed',
      resultType: 'complete',
      result: { ...result, resultType: 'complete' },
      statusMessage: 'Done',
      pollIntervalMs,
    });
  });
  test('is found by another replica, which holds nothing of it (S16, B11)', async () => {
    const taskId = await begin();
    const replica = await world.startReplica('gateway-2');
    await eventually(() => replica.readiness().status === 'ready');
    // Its public address is its own; so is the audience of a token for it.
    const url = `${replica.urls['listening'] ?? ''}/mcp`;
    expect((await get(taskId, { url, as: await world.token(alice, { aud: url }) })).json?.result).toMatchObject({
      taskId,
      status: 'working',
    });
  });
  test('may be one of a thousand: the gateway remembers none of them (S16)', async () => {
    const ids: string[] = [];
    for (let batch = 0; batch < 40; batch++)
      ids.push(...(await Promise.all(Array.from({ length: 25 }, (_, n) => begin({ n: batch * 25 + n })))));
    expect(new Set(ids).size).toBe(1_000);
    for (const index of [0, 499, 999])
      expect((await get(ids[index])).json?.result).toMatchObject({ taskId: ids[index], status: 'working' });
  });
});

describe('a client that does not say it follows tasks', () => {
  test('is announced to the server so, and gets an answer or the reason why there is none (R54, S10)', async () => {
    expect((await send('tools/call', { name: 'jobs__maybe' }, { capabilities: {} })).json?.result).toMatchObject({
      resultType: 'complete',
      content: [{ text: 'at once' }],
    });
    const refused = await send('tools/call', { name: 'jobs__begin' }, { capabilities: {} });
    expect(refused).toMatchObject({
      status: 400,
      json: { error: { code: -32021, data: { requiredCapabilities: { extensions: EXTENSION } } } },
    });
    const legacy = await postByHand(world.url, token, {
      body: { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'jobs__begin', task: { ttl: 1 } } },
    });
    expect(legacy.json?.result).toMatchObject({
      isError: true,
      content: [{ text: 'Jobs does this only as a task, and this client does not follow up tasks.' }],
    });
  });
  test('is given no task by a server that answers with one all the same (S18)', async () => {
    const { json } = await send('tools/call', { name: 'jobs__rude' }, { capabilities: {} });
    expect(json?.result).toMatchObject({ resultType: 'complete', isError: true });
    expect(JSON.stringify(json)).not.toContain(ownId());
  });
  test.each(['tasks/get', 'tasks/update', 'tasks/cancel'])(
    'is told to say so when it sends %s (R54)',
    async (method) => {
      const taskId = await begin();
      expect(await send(method, { taskId, inputResponses: {} }, { capabilities: {} })).toMatchObject({
        status: 400,
        json: { error: { code: -32021, data: { requiredCapabilities: { extensions: EXTENSION } } } },
      });
      expect(sentTo(jobs)).toEqual([]);
    },
  );
  test('has no tasks/list and no tasks/result in any version, and is told of none by initialize (R54)', async () => {
    for (const method of ['tasks/list', 'tasks/result'])
      expect(await send(method, { taskId: 'x' })).toMatchObject({ status: 404, json: { error: { code: -32601 } } });
    const legacy = (body: object) => postByHand(world.url, token, { body: { jsonrpc: '2.0', id: 7, ...body } });
    expect((await legacy({ method: 'tasks/get', params: { taskId: 'x' } })).json?.error?.code).toBe(-32601);
    expect(
      JSON.stringify(
        (
          await legacy({
            method: 'initialize',
            params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
          })
        ).json,
      ),
    ).not.toContain('tasks');
    expect((await send('server/discover', {})).json?.result?.['capabilities']).toMatchObject({ extensions: EXTENSION });
  });
});

describe("a task is nobody else's", () => {
  test.each<[string, (taskId: string) => Promise<{ taskId: string } & Options> | ({ taskId: string } & Options)]>([
    ["another user's", async (taskId) => ({ taskId, as: await world.token(testUser('bob')) })],
    [
      'of another agent of the same user',
      async (taskId) => ({ taskId, as: await world.token(alice, { client_id: 'https://other.example/client.json' }) }),
    ],
    [
      'of another sign-in of the same user and agent',
      async (taskId) => ({ taskId, as: await world.token({ ...alice, sid: newId('ses') }) }),
    ],
    ['of another server than the one addressed', (taskId) => ({ taskId, url: `${world.url}/other` })],
    ['altered', (taskId) => ({ taskId: `${taskId.slice(0, -2)}${taskId.endsWith('AA') ? 'BB' : 'AA'}` })],
    ["the server's own", () => ({ taskId: ownId() })],
    ['of 10 KB', () => ({ taskId: 'A'.repeat(10_240) })],
  ])('%s: answered as one that does not exist, and asked of no server (S15, S16)', async (_, change) => {
    const { taskId, ...options } = await change(await begin());
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel'])
      expect((await send(method, { taskId, inputResponses: {} }, options)).json).toEqual(UNKNOWN);
    expect([...sentTo(jobs), ...sentTo(other)]).toEqual([]);
  });
  test('and one the server has forgotten is answered in the same words (S15)', async () => {
    const taskId = await begin();
    jobs.tasks.delete(ownId());
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel'])
      expect((await send(method, { taskId, inputResponses: {} })).json).toEqual(UNKNOWN);
    expect(sentTo(jobs)).toEqual(['tasks/get', 'tasks/get', 'tasks/cancel']);
  });
  test('and is named by Mcp-Name, which must agree (S10)', async () => {
    const taskId = await begin();
    for (const headers of [{ 'mcp-name': 'x' }, { 'mcp-name': '' }]) {
      const { body, headers: named } = modernRequest('tasks/get', { taskId, ...capable });
      expect(await postByHand(world.url, token, { body, headers: { ...named, ...headers } })).toMatchObject({
        status: 400,
        json: { error: { code: -32020 } },
      });
    }
  });
});

describe('what may no longer be done, cannot be followed up', () => {
  test('once policy withdraws the tool: the task is as one that does not exist, and the record says why (S17)', async () => {
    const taskId = await begin();
    await world.change({ puts: [policy('jobs', { tools: [{ match: ['maybe'] }] })] });
    try {
      await eventually(async () => expect((await get(taskId)).json).toEqual(UNKNOWN));
      jobs.seen.length = 0;
      for (const method of ['tasks/update', 'tasks/cancel'])
        expect((await send(method, { taskId, inputResponses: {} })).json).toEqual(UNKNOWN);
      expect(sentTo(jobs)).toEqual([]);
      expect(await recordOf('tasks/cancel', 'deny')).toMatchObject({
        server: 'jobs',
        target: 'begin',
        reason: 'unknown-task:tool_not_granted',
      });
    } finally {
      await world.change({ puts: [policy('jobs')] });
    }
    await eventually(async () => expect((await get(taskId)).json?.result).toMatchObject({ taskId }));
  });
  test("once the server is elsewhere: what has its name now does not learn the other's ids (S16, S20)", async () => {
    const taskId = await begin();
    await world.change({ puts: [serverDocument('jobs', { url: other.url })] });
    try {
      await eventually(async () => expect((await get(taskId)).json).toEqual(UNKNOWN));
      other.seen.length = 0;
      for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel'])
        expect((await send(method, { taskId, inputResponses: {} })).json).toEqual(UNKNOWN);
      const { heard, close } = await follow([taskId]);
      expect(heard[0]?.params?.['notifications']).toEqual({});
      await close();
      expect(sentTo(other)).toEqual([]);
    } finally {
      await world.change({ puts: [serverDocument('jobs')] });
    }
  });
  test('once policy no longer likes the arguments of the call that began it (S17)', async () => {
    const [small, large] = [await begin({ place: 'production' }), await begin({ place: 'test' })];
    await world.change({ puts: [policy('jobs', { when: 'tool.arguments.place != "production"' })] });
    try {
      await eventually(async () => expect((await get(small)).json).toEqual(UNKNOWN));
      expect((await get(large)).json?.result).toMatchObject({ taskId: large });
      // Arguments the id cannot carry, and policy wants to see again: the server is not told that it may begin a task.
      expect(
        (await send('tools/call', { name: 'jobs__maybe', arguments: { place: 'test', text: 'x'.repeat(2_000) } })).json
          ?.result,
      ).toMatchObject({ content: [{ text: 'at once' }] });
    } finally {
      await world.change({ puts: [policy('jobs')] });
    }
    const begun = await eventually(
      async () =>
        (await send('tools/call', { name: 'jobs__maybe', arguments: { text: 'x'.repeat(2_000) } })).json?.result?.[
          'taskId'
        ],
    );
    expect((await get(begun)).json?.result).toMatchObject({ status: 'working' });
  });
  test("once the sign-in is revoked, the token over, or the server's connection not granted (S17, S28)", async () => {
    const taskId = await begin();
    const { leasing } = world;
    await world.change({ puts: [serverDocument('jobs', { title: 'Jobs!' })] });
    world.leasing = () => ({ type: 'refused', reason: 'no_gateway_to_server_policy' });
    try {
      await eventually(async () => expect((await get(taskId)).json?.error).toMatchObject({ code: -31403 }));
    } finally {
      world.leasing = leasing;
      await world.change({ puts: [serverDocument('jobs')] });
    }
    jobs.seen.length = 0;
    expect(
      (await get(taskId, { as: await world.token(alice, { exp: Math.floor(Date.now() / 1000) - 120 }) })).status,
    ).toBe(401);
    await world.change({
      revocations: [
        {
          id: newId('rev'),
          subject: { type: 'session', sid: alice.sid },
          notBefore: Date.now() + 1_000,
          expiresAt: Date.now() + 600_000,
        },
      ],
    });
    await eventually(async () => expect((await get(taskId)).status).toBe(401));
    jobs.seen.length = 0;
    expect((await send('tasks/cancel', { taskId })).status).toBe(401);
    expect(sentTo(jobs)).toEqual([]);
  });
});

const form = {
  method: 'elicitation/create',
  params: { message: 'Your name?', requestedSchema: { type: 'object', properties: { name: { type: 'string' } } } },
};
const page = (url: string) => ({ method: 'elicitation/create', params: { mode: 'url', message: 'Sign in', url } });
const ask = (inputRequests: object) =>
  jobs.tasks.set(ownId(), { ...workingTask(ownId()), status: 'input_required', inputRequests });

describe('a task that asks', () => {
  test('asks as a call does, naming its server, and hears the answer to what it asked and nothing else (S18)', async () => {
    const taskId = await begin();
    ask({ name: form, visit: page('https://login.example/x') });
    expect((await get(taskId)).json?.result).toMatchObject({
      status: 'input_required',
      inputRequests: {
        name: { method: 'elicitation/create', params: { message: 'Jobs asks:\n> Your name?' } },
        visit: { params: { mode: 'url', url: 'https://login.example/x', message: 'Jobs asks:\n> Sign in' } },
      },
    });
    const answer = { action: 'accept', content: { name: 'Ada' } };
    expect(
      (await send('tasks/update', { taskId, inputResponses: { name: answer, unasked: { roots: [] } } })).json?.result,
    ).toEqual({ resultType: 'complete' });
    expect(jobs.seen.at(-1)).toMatchObject({
      method: 'tasks/update',
      params: { taskId: ownId(), inputResponses: { name: answer } },
    });
    expect(Object.keys(jobs.seen.at(-1)?.params['inputResponses'] as object)).toEqual(['name']);
    jobs.seen.length = 0;
    expect(
      (await send('tasks/update', { taskId, inputResponses: { name: { action: 'perhaps' } } })).json?.error,
    ).toMatchObject({ code: -32602 });
    expect(sentTo(jobs)).toEqual(['tasks/get']);
  });
  test.each<[string, object, object]>([
    ['a page elsewhere', { visit: page('https://evil.example/') }, { visit: { action: 'accept' } }],
    [
      'what its policy does not let it ask',
      { model: { method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } } },
      { model: { role: 'assistant', model: 'm', content: { type: 'text', text: 'x' } } },
    ],
    ['something among what it may', { name: form, roots: { method: 'roots/list' } }, { roots: { roots: [] } }],
  ])('for %s is not heard, and gets no answer to it (S18)', async (_, inputRequests, inputResponses) => {
    const taskId = await begin();
    ask(inputRequests);
    const { text, json } = await get(taskId);
    expect(json?.error).toMatchObject({
      code: -31503,
      message: 'Jobs asked for input from the user, which is not allowed here.',
    });
    expect(text).not.toContain('evil');
    await send('tasks/update', { taskId, inputResponses });
    expect(jobs.seen.at(-1)).toMatchObject({ method: 'tasks/update', params: { inputResponses: {} } });
  });
});

describe('a server that says what it should not', () => {
  test.each<[string, (id: string) => Record<string, unknown>]>([
    ['of another task', () => workingTask('another')],
    ['in a state there is not', (id) => ({ ...workingTask(id), status: 'paused' })],
    ['that is completed without a result', (id) => ({ ...workingTask(id), status: 'completed' })],
    ['that is without times', (id) => ({ taskId: id, status: 'working' })],
  ])('of a task %s is not relayed (S10)', async (_, state) => {
    const taskId = await begin();
    jobs.tasks.set(ownId(), state(ownId()));
    expect((await get(taskId)).json?.error).toMatchObject({ code: -31503 });
  });
  test('of a task beside its state, that is left out (S10, S16)', async () => {
    const taskId = await begin();
    jobs.tasks.set(ownId(), {
      ...workingTask(ownId()),
      requestState: 'mine',
      inputRequests: { name: form },
      result: { content: [] },
      TaskId: ownId(),
      more: ownId(),
    });
    expect(Object.keys((await get(taskId)).json?.result ?? {}).toSorted()).toEqual([
      'createdAt',
      'lastUpdatedAt',
      'pollIntervalMs',
      'resultType',
      'status',
      'taskId',
      'ttlMs',
    ]);
    jobs.tasks.set(ownId(), {
      ...workingTask(ownId()),
      status: 'completed',
      result: { content: [], resultType: 'input_required', inputRequests: { name: form }, requestState: 'mine' },
    });
    expect((await get(taskId)).json?.result?.['result']).toEqual({ resultType: 'complete', content: [] });
  });
  test.each([
    ['of 10 KB', 'x'.repeat(10_240)],
    ['that is empty', ''],
  ])('by an id %s begins nothing (S16)', async (_, id) => {
    jobs.misbehave = ({ method }) => (method === 'tools/call' ? { resultType: 'task', ...workingTask(id) } : undefined);
    expect((await send('tools/call', { name: 'jobs__begin' })).json?.result).toMatchObject({ isError: true });
  });
  test('by an id no header holds as it is, is still found by it (R62)', async () => {
    const { newId: before } = jobs;
    jobs.newId = () => 'Aufgabe ☂';
    const taskId = await begin();
    jobs.newId = before;
    expect((await get(taskId)).json?.result).toMatchObject({ taskId, status: 'working' });
    expect(jobs.seen.at(-1)?.params['taskId']).toBe('Aufgabe ☂');
  });
});

/** What one subscription hears, by hand. */
async function follow(taskIds: readonly string[], options: Options = {}) {
  const abort = new AbortController();
  const { body, headers } = modernRequest('subscriptions/listen', { notifications: { taskIds }, ...capable });
  const response = await fetch(world.url, {
    method: 'POST',
    body: JSON.stringify(body),
    signal: abort.signal,
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      authorization: `Bearer ${options.as ?? token}`,
      ...headers,
    },
  });
  const heard: { method?: string; params?: Record<string, unknown> }[] = [];
  const ended = (async () => {
    let text = '';
    try {
      for await (const chunk of (response.body ?? expect.fail('no stream')).pipeThrough(new TextDecoderStream())) {
        text += chunk;
        const events = text.split('\n\n');
        text = events.pop() ?? '';
        for (const event of events)
          if (event.includes('data: '))
            heard.push(JSON.parse(event.split('data: ')[1] ?? '') as (typeof heard)[number]);
      }
    } catch {
      // cut here, or by the gateway
    }
  })();
  await eventually(() => heard.length > 0);
  return { heard, ended, close: () => (abort.abort(), ended) };
}

describe('a subscription to tasks', () => {
  test('tells under the ids the client knows, of the tasks it asked for, in full (S13, S16)', async () => {
    const [mine, unheard] = [await begin(), await begin({}, 'other__begin')];
    const id = ownId();
    const { heard, close } = await follow([mine, unheard, 'unknown', ownId()]);
    expect(heard[0]).toMatchObject({
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: { taskIds: [mine, unheard] }, _meta: { 'io.modelcontextprotocol/subscriptionId': 7 } },
    });
    jobs.tell(workingTask('task-of-somebody-else'));
    jobs.tell({
      ...workingTask(id),
      status: 'input_required',
      inputRequests: { visit: page('https://evil.example/') },
    });
    other.tell(workingTask(id));
    jobs.tell({
      ...workingTask(id),
      status: 'completed',
      result: { content: [{ type: 'text', text: 'Done' }] },
      requestState: 'x',
    });
    await eventually(() => heard.length > 1);
    const { taskId: _id, ...state } = workingTask(id);
    expect(heard.slice(1)).toEqual([
      {
        jsonrpc: '2.0',
        method: 'notifications/tasks',
        params: {
          ...state,
          taskId: mine,
          status: 'completed',
          result: { resultType: 'complete', content: [{ type: 'text', text: 'Done' }] },
          _meta: { 'io.modelcontextprotocol/subscriptionId': 7 },
        },
      },
    ]);
    await close();
  });
  test('of somebody else is agreed to with nothing, and asks no server (S16)', async () => {
    const taskId = await begin();
    const { heard, close } = await follow([taskId], { as: await world.token(testUser('bob')) });
    expect(heard[0]?.params?.['notifications']).toEqual({});
    expect(jobs.seen.filter(({ method }) => method === 'subscriptions/listen')).toEqual([]);
    await close();
  });
  test('falls silent and ends when policy withdraws the tool (S17)', async () => {
    const taskId = await begin();
    const id = ownId();
    const { heard, ended } = await follow([taskId]);
    await world.change({ puts: [policy('jobs', { tools: [{ match: ['maybe'] }] })] });
    try {
      await eventually(async () => expect((await get(taskId)).json).toEqual(UNKNOWN));
      jobs.tell(workingTask(id));
      await ended;
      expect(heard.filter(({ method }) => method === 'notifications/tasks')).toEqual([]);
    } finally {
      await world.change({ puts: [policy('jobs')] });
    }
  });
  test('needs a client that says it follows tasks (R54)', async () => {
    expect(await send('subscriptions/listen', { notifications: { taskIds: [] } }, { capabilities: {} })).toMatchObject({
      status: 400,
      json: { error: { code: -32021 } },
    });
  });
});
