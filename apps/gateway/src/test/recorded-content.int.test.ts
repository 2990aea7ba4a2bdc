import { Document } from '@sallyport/configuration';
import { createMetrics } from '@sallyport/telemetry';
import { eventually, findSecrets } from '@sallyport/testing';
import type { ScriptedAnswer, ScriptedRequest } from '@sallyport/testing/servers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import { testUser } from './world/gateway-world.js';
import { startScriptedWorld } from './world/scripted-world.js';
import type { ScriptedWorld } from './world/scripted-world.js';

const KEY = 'downstream-key-0123456789';
const tools = JSON.stringify([
  {
    name: 'save',
    inputSchema: {
      type: 'object',
      properties: { title: { type: 'string' }, password: { type: 'string' }, text: { type: 'string' } },
    },
    outputSchema: { type: 'object', properties: { id: { type: 'integer' }, apiKey: { type: 'string' } } },
  },
]);

const prompts = JSON.stringify([{ name: 'greet', arguments: [{ name: 'who' }] }]);
const resources = JSON.stringify([{ name: 'one', uri: 'note://alice/1' }]);

/** It says what it got, and its credential with it. */
function answerOf({ id, method, params, headers }: ScriptedRequest): ScriptedAnswer | undefined {
  const message = (result: object) => ({
    status: 200,
    body: JSON.stringify({ jsonrpc: '2.0', id, result: { resultType: 'complete', ...result } }),
  });
  if (method === 'prompts/get')
    return message({ messages: [{ role: 'user', content: { type: 'text', text: 'Greet Alice' } }] });
  if (method === 'resources/read')
    return message({ contents: [{ uri: 'note://alice/1', mimeType: 'text/plain', text: 'x' }] });
  if (method !== 'tools/call') return undefined;
  const args = params['arguments'] as { text?: string; large?: boolean };
  if (args.text === 'refuse')
    return { status: 200, body: JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32_000, message: 'no' } }) };
  const result = {
    resultType: 'complete',
    content: [{ type: 'text', text: `saved ${args.text ?? ''} with ${headers['authorization'] ?? ''}` }],
    structuredContent: { id: 7, apiKey: 'k-1', other: 'unsaid' },
  };
  return { status: 200, body: JSON.stringify({ jsonrpc: '2.0', id, result }) };
}

let world: ScriptedWorld<'notes'>;
const metrics = createMetrics();
const user = testUser('alice');
let token: string;
beforeAll(async () => {
  world = await startScriptedWorld(
    { notes: { era: 'modern', tools, prompts, resources, instead: answerOf } },
    {
      overrides: { isWarmPathOn: true, stalenessBoundMs: 3_600_000 },
      leasing: () => ({
        type: 'granted',
        headers: { authorization: `Bearer ${KEY}` },
        connectionId: 'con_1',
        connectionRevision: 1,
        expiresInSeconds: 600,
      }),
      metrics,
    },
  );
  token = await world.token(user);
});
afterAll(() => world?.close());

type Level = 'none' | 'shape' | 'redacted' | 'full';
let revision = 1;
async function policies(first: Level | undefined, second: Level | undefined): Promise<void> {
  const record = (level: Level | undefined) => (level === undefined ? {} : { record: level });
  const hop = { hop: 'gateway-to-server', server: 'notes', credentialProvider: 'notes', tools: [{ match: ['*'] }] };
  const offers = { prompts: [{ match: ['*'] }], resources: [{ match: ['note://**'] }] };
  await world.change({
    puts: [
      { kind: 'AccessPolicy', name: 'everyone', spec: { hop: 'client-to-gateway', ...record(first) } },
      { kind: 'AccessPolicy', name: 'notes', spec: { ...hop, ...offers, ...record(second) } },
    ].map((document) => Document.parse(document)),
  });
  revision += 1;
  await eventually(async () => (await call({})).record?.policyRevision === revision, { until: 'it is known' });
}

const call = (args: object) => ask('tools/call', { name: 'notes__save', arguments: args });

async function ask(asked: string, params: Record<string, unknown>) {
  const [records, contents] = [world.records.length, world.contents.length];
  const { body, headers } = modernRequest(asked, params);
  const answer = await postByHand(world.url, token, { body, headers });
  await eventually(() => world.records.length > records, { until: 'the call is recorded' });
  const record = world.records.at(-1);
  // Another call's record comes behind this one's content, were there one.
  await postByHand(world.url, token, modernRequest('server/discover'));
  await eventually(() => world.records.length > records + 1, { until: 'the next call is recorded' });
  return { answer, record, contents: world.contents.slice(contents) };
}
const partsOf = ({ contents }: Awaited<ReturnType<typeof call>>) => {
  const [content] = contents;
  const read = (text: string | undefined): unknown => (text === undefined ? undefined : JSON.parse(text));
  return content && { level: content.level, arguments: read(content.arguments), result: read(content.result) };
};
const warmCalls = async () =>
  Number(/warm_calls_total\{end="answered"\} (\d+)/.exec(await metrics.exposition())?.[1] ?? 0);

test('nothing of arguments and results is recorded unless a policy says so, and the stricter of both hops counts (S30)', async () => {
  const levels: [Level | undefined, Level | undefined, string | undefined][] = [
    [undefined, undefined, undefined],
    ['full', 'none', undefined],
    ['none', 'full', undefined],
    ['full', 'shape', 'shape'],
    ['redacted', 'full', 'redacted'],
    [undefined, 'full', 'full'],
    ['full', undefined, 'full'],
  ];
  for (const [first, second, expected] of levels) {
    await policies(first, second);
    expect((await call({ title: 'x' })).contents[0]?.level, `${first} ${second}`).toBe(expected);
  }
});

test('the content of a call is beside its record: who, which tool, and all of it where policies say so (S30, R75)', async () => {
  await policies('full', 'full');
  const came = await call({ title: 'Shopping', password: 'hunter2', more: [1.0] });
  expect(came.contents[0]).toMatchObject({
    callId: came.record?.id,
    userId: user.userId,
    server: 'notes',
    target: 'save',
    method: 'tools/call',
    connectionId: 'con_1',
  });
  expect(partsOf(came)).toEqual({
    level: 'full',
    arguments: { title: 'Shopping', password: 'hunter2', more: [1] },
    result: {
      resultType: 'complete',
      content: [{ type: 'text', text: 'saved  with Bearer [redacted]' }],
      structuredContent: { id: 7, apiKey: 'k-1', other: 'unsaid' },
    },
  });
});

test('redacted content has what schemas describe and nobody calls secret; texts are told by their size (S30)', async () => {
  await policies('redacted', 'redacted');
  expect(partsOf(await call({ title: 'Shopping', password: 'hunter2', undescribed: 'x' }))).toEqual({
    level: 'redacted',
    arguments: { title: 'Shopping', password: '[redacted]', '…': '1 more' },
    result: {
      content: [{ type: 'text', '…': '1 more' }],
      structuredContent: { id: 7, apiKey: '[redacted]', '…': '1 more' },
      '…': '1 more',
    },
  });
});

test('prompts and resources have no schema: names of what MCP describes, and sizes, unless all of it is recorded (S30)', async () => {
  const prompt = { name: 'notes__greet', arguments: { who: 'Alice' } };
  const resource = { uri: 'via-notes+note://alice/1' };
  await policies('redacted', undefined);
  expect(partsOf(await ask('prompts/get', prompt))).toMatchObject({
    arguments: 'object(1)',
    result: { messages: [{ role: 'user', content: { type: 'text', '…': '1 more' } }] },
  });
  expect(partsOf(await ask('resources/read', resource))).toMatchObject({
    result: { contents: [{ mimeType: 'text/plain', '…': '2 more' }] },
  });
  await policies('full', undefined);
  expect(partsOf(await ask('prompts/get', prompt))).toMatchObject({
    arguments: { who: 'Alice' },
    result: { messages: [{ content: { text: 'Greet Alice' } }] },
  });
  const read = await ask('resources/read', resource);
  expect(partsOf(read)).toMatchObject({ arguments: undefined, result: { contents: [{ text: 'x' }] } });
});

test("the agent's token and the server's credential are in no content, in no dress, at any level (R46, S30)", async () => {
  for (const level of ['shape', 'redacted', 'full'] as const) {
    await policies(level, level);
    const escaped = Array.from(KEY, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
    for (const text of [token, KEY, `${Buffer.from(KEY).toString('base64')}`, escaped]) {
      const { contents } = await call(JSON.parse(`{"title":"${text}","text":"a ${text} b"}`) as object);
      expect(contents).toHaveLength(1);
      expect(findSecrets({ contents: JSON.stringify(contents) }, { token, KEY })).toEqual([]);
    }
    const { body, headers } = modernRequest('tools/call', { name: 'notes__save' });
    const raw = JSON.stringify(body).replace(
      '"name":"notes__save"',
      `"name":"notes__save","arguments":{"text":"${escaped}"}`,
    );
    const before = world.contents.length;
    await postByHand(world.url, token, { body: raw, headers });
    await eventually(() => world.contents.length > before, { until: 'its content is recorded' });
    const plain = JSON.stringify(JSON.parse(world.contents.at(-1)?.arguments ?? '""'));
    expect(plain).not.toContain(KEY);
  }
});

test('what is too large is not there, and that is said; a refused call has what it was asked with (S30)', async () => {
  await policies('full', 'full');
  const [large] = (await call({ text: 'x'.repeat(30_000) })).contents;
  expect([large?.argumentsWithheld, large?.resultWithheld]).toEqual(['too_large', 'too_large']);
  expect(large).not.toHaveProperty('arguments');
  const refused = await call({ text: 'refuse' });
  expect(refused.record).toMatchObject({ reason: 'server-error' });
  expect(partsOf(refused)).toEqual({ level: 'full', arguments: { text: 'refuse' }, result: undefined });
});

test('a call whose content is recorded goes the long way; without that it takes the short-cut again (B14)', async () => {
  await policies('full', 'full');
  const before = await warmCalls();
  for (let again = 0; again < 3; again++) expect((await call({})).contents).toHaveLength(1);
  expect(await warmCalls()).toBe(before);
  await policies(undefined, undefined);
  for (let again = 0; again < 3; again++) expect((await call({})).contents).toHaveLength(0);
  expect(await warmCalls()).toBeGreaterThan(before);
});
