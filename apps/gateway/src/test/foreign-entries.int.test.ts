import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import { startScriptedWorld } from './world/scripted-world.js';
import type { ScriptedWorld } from './world/scripted-world.js';

/** Each alone makes an official SDK refuse a list that holds it. */
const ODD_TOOLS = [
  '{"name":"untyped","inputSchema":{"anyOf":[{"required":["a"]},{"required":["b"]}]}}',
  '{"name":"nulls","title":null,"description":null,"annotations":null,"outputSchema":null,"icons":null,"execution":null,"_meta":null,"inputSchema":{"type":"object","properties":null,"required":null,"$schema":null}}',
  '{"name":"php","inputSchema":{"type":"object","properties":[]}}',
  '{"name":"any","inputSchema":{"type":"object","properties":{"a":true,"b":null}}}',
  '{"name":"odd-hints","annotations":{"readOnlyHint":"true","title":7},"icons":[{"src":1}],"inputSchema":{"type":"object"}}',
  '{"name":"list-output","outputSchema":{"type":"array"},"inputSchema":{"type":"object"}}',
  '{"name":"bad-type","outputSchema":{"type":"object","properties":{"a":{"type":"strin"}}},"inputSchema":{"type":"object"}}',
  '{"name":"bad-ref","outputSchema":{"type":"object","properties":{"a":{"$ref":"#/$defs/none"}}},"inputSchema":{"type":"object"}}',
  '{"name":"bad-pattern","outputSchema":{"type":"object","properties":{"a":{"pattern":"("}}},"inputSchema":{"type":"object"}}',
  '{"name":"draft-4","outputSchema":{"type":"object","properties":{"a":{"type":"number","minimum":0,"exclusiveMinimum":true}}},"inputSchema":{"type":"object"}}',
  '{"name":"text-arguments","inputSchema":{"type":"string"}}',
  '{"name":"secret-list","inputSchema":{"type":"array"}}',
];
const ODD_RESOURCES = [
  '{"uri":"note://nameless"}',
  '{"uri":"note://odd","name":null,"size":"7","annotations":{"audience":["model"],"priority":5,"lastModified":"today"}}',
  '{"uri":"README.md","name":"r"}',
];
const ODD_PROMPTS = [
  '{"name":"p","arguments":null,"description":null}',
  '{"name":"q","arguments":[{"name":"a","required":null},{"description":"nameless"}]}',
  '{"name":null}',
];

let world: ScriptedWorld<'good' | 'odd'>;
beforeAll(async () => {
  const good = {
    tools: '[{"name":"t","inputSchema":{"type":"object"}}]',
    prompts: '[{"name":"p"}]',
    resources: '[{"uri":"note://1","name":"one"}]',
  };
  world = await startScriptedWorld({
    good: { era: 'modern', ...good },
    odd: {
      era: 'sessions',
      tools: `[${ODD_TOOLS.join(',')}]`,
      prompts: `[${ODD_PROMPTS.join(',')}]`,
      resources: `[${ODD_RESOURCES.join(',')}]`,
    },
  });
});
afterAll(async () => await world?.close());

const requestInit = () => ({ requestInit: { headers: { authorization: `Bearer ${world.someone}` } } });
const clients = {
  'the SDK of 2025-11-25': async () => {
    const client = new LegacyClient({ name: 'v1', version: '1' });
    await client.connect(new LegacyTransport(new URL(world.url), requestInit()));
    return client;
  },
  'the SDK of 2026-07-28': async () => {
    const client = new Client({ name: 'v2', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
    await client.connect(new StreamableHTTPClientTransport(new URL(world.url), requestInit()));
    return client;
  },
  'the SDK of 2026-07-28, speaking 2025-11-25': async () => {
    const client = new Client({ name: 'v2', version: '1' }, { supportedProtocolVersions: ['2025-11-25'] });
    await client.connect(new StreamableHTTPClientTransport(new URL(world.url), requestInit()));
    return client;
  },
};

describe.each(Object.entries(clients))('%s', (_name, connect) => {
  test('reads lists in which one server has what its schemas refuse: what can be read of it, and all of the others (R56, R60)', async () => {
    const client = await connect();
    const [{ tools }, { prompts }, { resources }] = [
      await client.listTools(),
      await client.listPrompts(),
      await client.listResources(),
    ];
    expect(tools.map(({ name }) => name)).toEqual([
      'good__t',
      'odd__any',
      'odd__bad-pattern',
      'odd__bad-ref',
      'odd__bad-type',
      'odd__draft-4',
      'odd__list-output',
      'odd__nulls',
      'odd__odd-hints',
      'odd__php',
      'odd__untyped',
    ]);
    expect(tools.find(({ name }) => name === 'odd__untyped')?.inputSchema).toEqual({
      type: 'object',
      anyOf: [{ required: ['a'] }, { required: ['b'] }],
    });
    expect(prompts.map(({ name, arguments: named }) => [name, named?.map(({ name: argument }) => argument)])).toEqual([
      ['good__p', undefined],
      ['odd__p', undefined],
      ['odd__q', ['a']],
    ]);
    expect(resources.map(({ uri, name }) => [uri, name])).toEqual([
      ['via-good+note://1', 'one'],
      ['via-odd+note://nameless', 'note://nameless'],
      ['via-odd+note://odd', 'note://odd'],
    ]);
    await client.close();
  });
});

test('what is left out is said with its reason, in the list and once in the log (B32)', async () => {
  const list = async (method: string) =>
    (await postByHand(world.url, world.someone, modernRequest(method))).json?.result?.['_meta'] as
      | Record<string, unknown>
      | undefined;
  expect((await list('tools/list'))?.['sallyport/leftOut']).toEqual([
    { server: 'odd', name: 'text-arguments', reason: 'malformed', member: 'inputSchema' },
    { server: 'odd', name: 'secret-list', reason: 'malformed', member: 'inputSchema' },
  ]);
  expect((await list('resources/list'))?.['sallyport/leftOut']).toEqual([{ server: 'odd', reason: 'no-public-uri' }]);
  expect((await list('prompts/list'))?.['sallyport/leftOut']).toEqual([
    { server: 'odd', reason: 'malformed', member: 'name' },
  ]);
  const lines = world
    .log()
    .split('\n')
    .filter((line) => line.includes('what clients cannot read') && line.includes('"list":"tools"'));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('annotations.readOnlyHint');
});
