import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import { startScriptedWorld } from './world/scripted-world.js';
import type { ScriptedWorld } from './world/scripted-world.js';

const ARGUMENTS =
  '{"id":9007199254740993,"amount":1.0,"big":12345678901234567890,"deep":[{"e":1e3,"z":-0.0}],"text":"1.0"}';
const STRUCTURED = '{"id":9007199254740993,"price":1.0,"rows":[1.50,{"n":12345678901234567890}]}';
const LINK = '{"type":"resource_link","uri":"note://1","name":"n","size":1.0e3,"annotations":{"priority":1.0}}';
const SCHEMA =
  '{"type":"object","properties":{"id":{"type":"integer","maximum":9223372036854775807,"default":1.0}},"required":["id"]}';
const TOOLS = `[{"name":"book","description":"d","inputSchema":${SCHEMA},"outputSchema":{"type":"object","properties":{"n":{"multipleOf":0.10}}},"_meta":{"weight":2.0}}]`;

const lists = { tools: TOOLS, prompts: '[{"name":"p"}]', resources: '[{"uri":"note://1","name":"one","size":1.0e2}]' };

const resultOf = ({ method }: { method: string }): string | undefined => {
  if (method === 'tools/call')
    return `{"resultType":"complete","content":[{"type":"text","text":"ok","_meta":{"n":3.0}},${LINK}],"structuredContent":${STRUCTURED},"_meta":{"cost":0.10}}`;
  if (method === 'prompts/get')
    return `{"resultType":"complete","messages":[{"role":"user","content":${LINK}}],"_meta":{"n":1.0}}`;
  if (method === 'resources/read')
    return '{"resultType":"complete","contents":[{"uri":"note://1","text":"t","_meta":{"n":9007199254740993}}],"ttlMs":1.0}';
  return undefined;
};

let world: ScriptedWorld<'modern' | 'sessions' | 'sessionless'>;
beforeAll(async () => {
  world = await startScriptedWorld({
    modern: { era: 'modern', ...lists, resultOf },
    sessions: { era: 'sessions', ...lists, resultOf },
    sessionless: { era: 'sessionless', ...lists, resultOf },
  });
});
afterAll(async () => await world?.close());

const withParams = (method: string, params: string) =>
  `{"jsonrpc":"2.0","id":7,"method":"${method}","params":${params}}`;
const envelope =
  '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"example.org/n":1.0}';

const clients = {
  modern: async (method: string, params: Record<string, string>): Promise<string> => {
    const { headers } = modernRequest(
      method,
      Object.fromEntries(
        Object.entries(params).flatMap(([name, json]) =>
          name === 'name' || name === 'uri' ? [[name, JSON.parse(json) as string]] : [],
        ),
      ),
    );
    const members = Object.entries(params).map(([name, json]) => `"${name}":${json}`);
    return (
      await postByHand(world.url, world.someone, {
        headers,
        body: withParams(method, `{${[...members, envelope].join(',')}}`),
      })
    ).text;
  },
  legacy: async (method: string, params: Record<string, string>): Promise<string> => {
    const client = await world.legacyClient();
    const members = Object.entries(params).map(([name, json]) => `"${name}":${json}`);
    return (await client.send(withParams(method, `{${[...members, '"_meta":{"example.org/n":1.0}'].join(',')}}`))).text;
  },
};
const servers = ['modern', 'sessions', 'sessionless'] as const;
const pairs = servers.flatMap((server) => (['modern', 'legacy'] as const).map((client) => [client, server] as const));

describe.each(pairs)('from a %s client to a %s server and back, a number keeps its text', (client, server) => {
  test('in arguments and in results (B18)', async () => {
    const text = await clients[client]('tools/call', { name: `"${server}__book"`, arguments: ARGUMENTS });
    expect(text).toContain(STRUCTURED);
    for (const part of ['{"n":3.0}', '"size":1.0e3', '{"priority":1.0}', '{"cost":0.10}']) expect(text).toContain(part);
    const { raw } = world.servers[server].seen.findLast(({ method }) => method === 'tools/call') ?? { raw: '' };
    expect(raw).toContain(`"arguments":${ARGUMENTS}`);
    expect(raw).toContain('"example.org/n":1.0');
  });
  test('in lists (B18)', async () => {
    const text = await clients[client]('tools/list', {});
    expect(text.split(`"inputSchema":${SCHEMA}`)).toHaveLength(servers.length + 1);
    expect(text.split('{"multipleOf":0.10}')).toHaveLength(servers.length + 1);
    expect(text.split('{"weight":2.0}')).toHaveLength(servers.length + 1);
  });
  test('in prompts and resources (B18)', async () => {
    expect(await clients[client]('resources/list', {})).toContain('"size":1.0e2');
    const prompt = await clients[client]('prompts/get', { name: `"${server}__p"` });
    for (const part of ['"size":1.0e3', '{"priority":1.0}', '{"n":1.0}']) expect(prompt).toContain(part);
    expect(await clients[client]('resources/read', { uri: `"via-${server}+note://1"` })).toContain(
      '{"n":9007199254740993}',
    );
  });
});

test('of a batch, each element goes in its own words (B18)', async () => {
  const opened = await postByHand(world.url, world.someone, {
    headers: { accept: 'application/json, text/event-stream' },
    body: {
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-03-26', capabilities: {}, clientInfo: { name: 'c', version: '1' } },
    },
  });
  const headers = {
    accept: 'application/json, text/event-stream',
    'mcp-session-id': opened.headers.get('mcp-session-id') ?? '',
  };
  const before = world.servers.modern.seen.length;
  const batch = ['1.0', '2.00'].map(
    (n, id) =>
      `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"modern__book","arguments":{"n":${n}}}}`,
  );
  await postByHand(world.url, world.someone, { headers, body: `[${batch.join(' , ')}]` });
  const sent = world.servers.modern.seen
    .slice(before)
    .flatMap(({ method, raw }) => (method === 'tools/call' ? [/"arguments":(\{[^}]*\})/.exec(raw)?.[1]] : []));
  expect(new Set(sent)).toEqual(new Set(['{"n":1.0}', '{"n":2.00}']));
});

test('a policy that looks at arguments is not shown another number than is sent: the call is refused in words (S10)', async () => {
  const strict = await startScriptedWorld(
    { modern: { era: 'modern', ...lists, resultOf } },
    { when: 'tool.arguments.id < 9007199254740993.0' },
  );
  try {
    const call = (id: string) =>
      postByHand(strict.url, strict.someone, {
        headers: modernRequest('tools/call', { name: 'modern__book' }).headers,
        body: withParams(
          'tools/call',
          `{"name":"modern__book","arguments":{"id":${id},"text":"9007199254740993"},${envelope}}`,
        ),
      });
    expect((await call('1.0')).json?.result).toBeDefined();
    expect(JSON.stringify((await call('9007199254740993')).json?.result)).toContain('at most 15 significant digits');
    expect(strict.servers.modern.seen.filter(({ method }) => method === 'tools/call')).toHaveLength(1);
    await expect
      .poll(() => strict.records.map(({ decision, reason }) => [decision, reason]))
      .toContainEqual(['deny', 'denied:expression_number_inexact']);
  } finally {
    await strict.close();
  }
});
