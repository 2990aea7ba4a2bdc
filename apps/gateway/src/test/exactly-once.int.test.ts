import type { McpScript, ScriptedAnswer, ScriptedRequest } from '@sallyport/testing/servers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import { startScriptedWorld } from './world/scripted-world.js';
import type { ScriptedWorld } from './world/scripted-world.js';

const TOOLS = '[{"name":"book","inputSchema":{"type":"object"}}]';
const BOOKED = '{"resultType":"complete","content":[{"type":"text","text":"booked"}]}';
const isCall = ({ method }: ScriptedRequest) => method === 'tools/call';
const message = ({ id }: ScriptedRequest, part: string) =>
  `{"jsonrpc":"2.0","id":${JSON.stringify(id ?? null)},${part}}`;

let world: ScriptedWorld<never>;
beforeAll(async () => {
  world = await startScriptedWorld({});
});
afterAll(async () => await world?.close());

/** Each case has a server of its own, which the one gateway has not met: what it learned of others is not this one's. */
let desks = 0;
const nameOf = (number: number) => `desk${number}`;
afterEach(async () => await world.remove(nameOf(desks)));

/** One server, and what it was made to do: `booked` counts executions. */
async function desk(
  script: Omit<McpScript, 'tools' | 'resultOf'> & {
    readonly onCall?: (request: ScriptedRequest) => ScriptedAnswer | undefined;
  },
) {
  const counts = { booked: 0 };
  const { onCall, instead } = script;
  const book = (request: ScriptedRequest) => {
    counts.booked += 1;
    return onCall?.(request);
  };
  const name = nameOf(++desks);
  const server = await world.add(name, {
    ...script,
    tools: TOOLS,
    instead: async (request) =>
      (await instead?.(request)) ?? (isCall(request) && onCall !== undefined ? book(request) : undefined),
    resultOf: (request) => {
      if (!isCall(request)) return undefined;
      if (onCall === undefined) counts.booked += 1;
      return BOOKED;
    },
  });
  return { ...world, server, book: { name: `${name}__book`, arguments: {} }, counts };
}

type There = Pick<ScriptedWorld<never>, 'url' | 'someone' | 'legacyClient'> & {
  readonly book: { name: string; arguments: object };
};
const clients = {
  modern: async ({ url, someone, book }: There) => ({
    call: () => postByHand(url, someone, modernRequest('tools/call', book)),
    list: () => postByHand(url, someone, modernRequest('tools/list')),
  }),
  legacy: async ({ legacyClient, book }: There) => {
    const client = await legacyClient();
    return {
      call: () => client.send({ jsonrpc: '2.0', id: 5, method: 'tools/call', params: book }),
      list: () => client.send({ jsonrpc: '2.0', id: 6, method: 'tools/list' }),
    };
  },
};
const eras = ['modern', 'sessions', 'sessionless'] as const;

/** What a server says after it has booked. */
const AFTERWARDS: readonly (readonly [string, (request: ScriptedRequest) => ScriptedAnswer])[] = [
  ...[400, 403, 404, 405, 410, 413, 422, 429, 500, 503].map(
    (status) =>
      [
        `${status} and an error of the request`,
        (request: ScriptedRequest) => ({
          status,
          body: message(request, '"error":{"code":-32602,"message":"No such room."}'),
        }),
      ] as const,
  ),
  ...[400, 404, 500].map(
    (status) => [`${status} in words of its own`, () => ({ status, body: '{"error":"oops"}' })] as const,
  ),
  [
    '200 and an error',
    (request) => ({ status: 200, body: message(request, '"error":{"code":-32000,"message":"The room is taken."}') }),
  ],
  ['200 and what is no JSON-RPC', () => ({ status: 200, body: '{"ok":true}' })],
  ['nothing, and ends the connection', () => 'close'],
  ['the head of an answer, and ends the connection', () => 'close-after-head'],
];

describe.each(eras.flatMap((era) => (['modern', 'legacy'] as const).map((client) => [client, era] as const)))(
  'from a %s client to a %s server',
  (client, era) => {
    test.each(AFTERWARDS)('a call is made once, though the server answers it with %s', async (_what, onCall) => {
      const { counts, ...there } = await desk({ era, onCall });
      const { call, list } = await clients[client](there);
      const first = await call();
      expect([first.status, JSON.stringify(first.json)]).toEqual([
        expect.any(Number),
        expect.stringMatching(/isError":true|"error"/),
      ]);
      expect(counts.booked).toBe(1);
      await list();
      await call();
      expect(counts.booked).toBe(2);
    });
  },
);

describe.each(['modern', 'legacy'] as const)('a %s client', (client) => {
  const refusals: readonly (readonly [string, (request: ScriptedRequest) => ScriptedAnswer])[] = [
    [
      '404',
      (request) => ({ status: 404, body: message(request, '"error":{"code":-32001,"message":"Session not found"}') }),
    ],
    [
      '400 with the id of the request',
      (request) => ({
        status: 400,
        body: message(request, '"error":{"code":-32000,"message":"Bad Request: No valid session ID provided"}'),
      }),
    ],
    ['400 in words of its own', () => ({ status: 400, body: '{"error":"Missing session ID"}' })],
    ['401', () => ({ status: 401 })],
    ['410', () => ({ status: 410 })],
    ['422', () => ({ status: 422, body: 'unknown session' })],
    ['503', () => ({ status: 503 })],
  ];
  test.each(refusals)(
    'is served by a server that lost its sessions and says so with %s: initialized anew, and called once',
    async (_what, refuse) => {
      const live = new Set<string>();
      const { counts, server, ...there } = await desk({
        era: 'sessions',
        instead: (request) => {
          const session = String(request.headers['mcp-session-id'] ?? '');
          if (session !== '' && request.method === 'notifications/initialized') live.add(session);
          return session !== '' && !live.has(session) ? refuse(request) : undefined;
        },
      });
      const { call } = await clients[client](there);
      expect(JSON.stringify((await call()).json)).toContain('booked');
      live.clear();
      const again = await call();
      expect(JSON.stringify(again.json)).toContain('booked');
      expect(counts.booked).toBe(2);
      expect(server.seen.filter(({ method }) => method === 'initialize')).toHaveLength(2);
    },
  );

  test('of a server whose list fails leaves it its session: no other is begun for it', async () => {
    const { server, ...there } = await desk({
      era: 'sessions',
      instead: ({ method, headers }) =>
        method === 'tools/list' && headers['mcp-session-id'] !== undefined ? { status: 500 } : undefined,
    });
    const { list } = await clients[client](there);
    await list();
    expect(server.seen.filter(({ method }) => method === 'ping')).toHaveLength(1);
    expect(server.seen.filter(({ method }) => method === 'initialize')).toHaveLength(1);
  });

  const atFirst: readonly (readonly [string, (request: ScriptedRequest) => ScriptedAnswer])[] = [
    ['400 and JSON that is no JSON-RPC', () => ({ status: 400, body: '{"error":"Missing session ID"}' })],
    ['405', () => ({ status: 405 })],
    ['422', () => ({ status: 422, body: '{"detail":"unprocessable"}' })],
    ['500', () => ({ status: 500, body: 'Internal Server Error' })],
    ['401', () => ({ status: 401 })],
    ['403', () => ({ status: 403 })],
    [
      '200 and -32600',
      (request) => ({ status: 200, body: message(request, '"error":{"code":-32600,"message":"Invalid Request"}') }),
    ],
    [
      '200 and -32601',
      (request) => ({ status: 200, body: message(request, '"error":{"code":-32601,"message":"Method not found"}') }),
    ],
    [
      '400 and -32000',
      (request) => ({
        status: 400,
        body: message(request, '"error":{"code":-32000,"message":"Bad Request: Unsupported protocol version"}'),
      }),
    ],
  ];
  test.each(atFirst)('is served by a server of the old era that meets the new one with %s', async (_what, refuse) => {
    const { counts, server, ...there } = await desk({
      era: 'sessions',
      instead: (request) =>
        request.method !== 'initialize' &&
        request.headers['mcp-session-id'] === undefined &&
        request.httpMethod === 'POST'
          ? refuse(request)
          : undefined,
    });
    const { call } = await clients[client](there);
    expect(JSON.stringify((await call()).json)).toContain('booked');
    expect(counts.booked).toBe(1);
    expect(server.seen.filter(isCall)).toHaveLength(1);
  });
});
