import type { McpScript, ScriptedAnswer, ScriptedRequest } from '@sallyport/testing/servers';
import { afterEach, describe, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import { startScriptedWorld } from './world/scripted-world.js';
import type { ScriptedWorld } from './world/scripted-world.js';

const TOOLS = '[{"name":"archive","inputSchema":{"type":"object"}}]';
const isCall = ({ method }: ScriptedRequest) => method === 'tools/call';
const error = ({ id }: ScriptedRequest, part: string) =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id ?? null)},"error":${part}}`;

let world: ScriptedWorld<'forge'> | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

const clients = {
  modern:
    async ({ url, someone }: ScriptedWorld<'forge'>) =>
    async (method: string, params: Record<string, unknown> = {}) =>
      await postByHand(url, someone, modernRequest(method, params)),
  legacy: async ({ legacyClient }: ScriptedWorld<'forge'>) => {
    const { send } = await legacyClient();
    return async (method: string, params: Record<string, unknown> = {}) =>
      await send({ jsonrpc: '2.0', id: 7, method, params });
  },
};

async function start(instead: McpScript['instead'], era: McpScript['era'], client: keyof typeof clients = 'modern') {
  world = await startScriptedWorld(
    {
      forge: {
        era,
        tools: TOOLS,
        prompts: '[{"name":"p"}]',
        ...(instead === undefined ? {} : { instead }),
        resultOf: () => '{"content":[]}',
      },
    },
    { overrides: { stalenessBoundMs: 600_000 } },
  );
  const ask = await clients[client](world);
  return { ask, call: () => ask('tools/call', { name: 'forge__archive', arguments: {} }), world };
}

describe.each(
  (['modern', 'sessions', 'sessionless'] as const).flatMap((era) =>
    (['modern', 'legacy'] as const).map((client) => [client, era] as const),
  ),
)('to a %s client of a %s server', (client, era) => {
  const said: readonly (readonly [string, number, string, object])[] = [
    [
      'a code of the range servers have',
      200,
      '{"code":-32000,"message":"The repository is archived; unarchive it first."}',
      { code: -32000, message: 'The repository is archived; unarchive it first.' },
    ],
    [
      'data',
      200,
      '{"code":-32001,"message":"Locked","data":{"by":"ada"}}',
      { code: -32001, message: 'Locked', data: { by: 'ada' } },
    ],
    ['a code of its own', 200, '{"code":4711,"message":"Nope"}', { code: 4711, message: 'Nope' }],
    [
      'the status 403',
      403,
      '{"code":-32003,"message":"Ask the owner of the project."}',
      { code: -32003, message: 'Ask the owner of the project.' },
    ],
    ['the status 413', 413, '{"code":-32000,"message":"At most 1 MB."}', { code: -32000, message: 'At most 1 MB.' }],
    [
      'the status 500',
      500,
      '{"code":-32603,"message":"The database is being moved."}',
      { code: -32603, message: 'The database is being moved.' },
    ],
    [
      'a method it does not know',
      200,
      '{"code":-32601,"message":"Method not found"}',
      { code: -32601, message: 'Method not found' },
    ],
    ['no code and no words', 200, '{"code":1.5}', { code: -32603, message: 'The server gave no reason.' }],
  ];
  test.each(said)('an error with %s passes as it was said (B32, R59)', async (_what, status, body, told) => {
    const { call } = await start(
      (request) => (isCall(request) ? { status, body: error(request, body) } : undefined),
      era,
      client,
    );
    expect((await call()).json?.error).toEqual(told);
  });
  test("what is about how the gateway spoke to it is the gateway's, and told with the words (B32)", async () => {
    const { call } = await start(
      (request) =>
        isCall(request)
          ? { status: 200, body: error(request, '{"code":-32600,"message":"Invalid Request: no tenant"}') }
          : undefined,
      era,
      client,
    );
    expect(JSON.stringify((await call()).json?.result)).toContain(
      'forge did not understand what the gateway asked. It says: \\"Invalid Request: no tenant\\".',
    );
  });
});

describe('a status without words means what it means (B32)', () => {
  const inAnHour = new Date(Date.now() + 3_600_000).toUTCString();
  const statuses: readonly (readonly [number, Record<string, string>, RegExp])[] = [
    [403, {}, /does not allow this for the account.*HTTP 403/],
    [404, {}, /no MCP server at the address of forge \(HTTP 404\)/],
    [413, {}, /does not take a request of this size \(HTTP 413\)\. Make it smaller/],
    [429, { 'retry-after': '17' }, /more requests than it takes \(HTTP 429\)\. Try again in 17 seconds/],
    [429, { 'retry-after': inAnHour }, /HTTP 429\)\. Try again in 3[56]\d\d seconds/],
    [503, { 'retry-after': '99999999' }, /forge is not available\. Try again in 86400 seconds/],
    [503, { 'retry-after': 'soon' }, /forge is not available\. Try again later/],
    [422, {}, /forge refused the request \(HTTP 422\)/],
  ];
  test.each(statuses)('%i with %j', async (status, headers, text) => {
    const { call, world: there } = await start(
      (request) =>
        isCall(request)
          ? { status, headers: { 'content-type': 'text/html', ...headers }, body: '<h1>no</h1>' }
          : undefined,
      'modern',
    );
    expect(JSON.stringify((await call()).json?.result)).toMatch(text);
    await expect
      .poll(() => there.records.find(({ method }) => method === 'tools/call')?.reason)
      .toBe(`server-unavailable:http-status:${status}`);
  });
  test('429 with an error says when to ask again beside it', async () => {
    const { call } = await start(
      (request) =>
        isCall(request)
          ? {
              status: 429,
              headers: { 'retry-after': '5' },
              body: error(request, '{"code":-32000,"message":"Slow down."}'),
            }
          : undefined,
      'modern',
    );
    expect((await call()).json?.error).toEqual({ code: -32000, message: 'Slow down.', data: { retryAfterSeconds: 5 } });
  });
});

describe.each(['modern', 'sessions'] as const)('a %s server that cannot be listed', (era) => {
  const unavailable = async ({ ask }: Pick<Awaited<ReturnType<typeof start>>, 'ask'>) =>
    ((await ask('tools/list')).json?.result?.['_meta'] as Record<string, unknown> | undefined)?.[
      'sallyport/unavailableServers'
    ];

  test('is named with its own words, and a call of its tools says them (B32)', async () => {
    const there = await start(
      (request) => ({ status: 403, body: error(request, '{"code":-32000,"message":"The workspace is suspended."}') }),
      era,
    );
    expect(await unavailable(there)).toEqual([
      { server: 'forge', reason: 'refused', status: 403, message: 'The workspace is suspended.' },
    ]);
    expect(JSON.stringify((await there.call()).json)).toContain(
      'forge refused. It says: \\"The workspace is suspended.\\" (-32000).',
    );
    expect(there.world.log()).toMatch(/"server":"forge","reason":"refused","status":403.*a server cannot be listed/);
  });
  test('is not asked before it wants to be', async () => {
    const there = await start(
      (request) => (request.method === 'tools/list' ? { status: 429, headers: { 'retry-after': '60' } } : undefined),
      era,
    );
    await unavailable(there);
    there.world.clock.aheadMs = 30_000;
    const asked = () => there.world.servers.forge.seen.filter(({ method }) => method === 'tools/list').length;
    const before = asked();
    expect(await unavailable(there)).toEqual([
      { server: 'forge', reason: 'http-status', status: 429, retryAfterSeconds: expect.any(Number) },
    ]);
    expect(asked()).toBe(before);
  });
  test.each([
    ['/mcp/', (origin: string) => `${origin}/mcp/`],
    ['https://user:pass@other.example/mcp?key=secret#x', () => 'https://other.example/mcp'],
  ])(
    'because it redirects to %s is told with the address to write, in the list, to a call and in the log (B32, S11)',
    async (location, shown) => {
      const there = await start((): ScriptedAnswer => ({ status: 307, headers: { location } }), era);
      const to = shown(there.world.servers.forge.origin);
      expect(await unavailable(there)).toEqual([{ server: 'forge', reason: 'redirected', status: 307, location: to }]);
      expect(JSON.stringify((await there.call()).json)).toContain(
        `forge redirects to ${to}. That is not followed: an administrator has to write that address in its document, if it is right.`,
      );
      expect(there.world.log()).toContain(`"location":"${to}"`);
      expect(there.world.log()).not.toMatch(/key=secret|user:pass/);
    },
  );
});

test('a server that cannot be listed, and then can be, is a line in the log in either direction and at once (B32)', async () => {
  let isAway = true;
  const there = await start(() => (isAway ? { status: 403 } : undefined), 'modern');
  const lines = () =>
    there.world
      .log()
      .split('\n')
      .flatMap((line) => /"msg":"(a server (?:cannot be listed|is listed again))"/.exec(line)?.[1] ?? []);
  for (const away of [true, false, true, false]) {
    isAway = away;
    there.world.clock.aheadMs += 12_000;
    await there.ask('tools/list');
  }
  expect(lines()).toEqual([
    'a server cannot be listed',
    'a server is listed again',
    'a server cannot be listed',
    'a server is listed again',
  ]);
  // One that goes to and fro all the time says no more than that, and then what it is left in.
  isAway = true;
  there.world.clock.aheadMs += 12_000;
  await there.ask('tools/list');
  expect(lines()).toHaveLength(4);
  there.world.clock.aheadMs += 30_000;
  await there.ask('tools/list');
  expect(lines()[4]).toBe('a server cannot be listed');
});

test('so it is where nobody lists, and calls alone find out (B32)', async () => {
  let isAway = false;
  const there = await start((request) => {
    if (!isAway) return undefined;
    if (request.method === 'tools/list') return { status: 403 };
    return isCall(request)
      ? { status: 200, body: error(request, '{"code":-32602,"message":"No such tool"}') }
      : undefined;
  }, 'modern');
  const lines = () =>
    there.world
      .log()
      .split('\n')
      .flatMap((line) => /"msg":"(a server (?:cannot be listed|is listed again))"/.exec(line)?.[1] ?? []);
  expect(JSON.stringify((await there.call()).json?.result)).toContain('"content"');
  expect(lines()).toEqual([]);
  for (const away of [true, false]) {
    isAway = away;
    await there.call(); // a call that the server refuses makes the next one look at the list again, after a minute
    there.world.clock.aheadMs += 61_000;
    await there.call();
    await there.call();
  }
  expect(lines()).toEqual(['a server cannot be listed', 'a server is listed again']);
});
