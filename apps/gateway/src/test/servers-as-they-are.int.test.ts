import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import type { McpScript, ScriptedAnswer, ScriptedRequest } from '@sallyport/testing/servers';
import { afterEach, describe, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import { startScriptedWorld } from './world/scripted-world.js';
import type { ScriptedWorld } from './world/scripted-world.js';

type Answer = Exclude<ScriptedAnswer, string>;

let world: ScriptedWorld<'desk'> | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

const resultOf = ({ method }: ScriptedRequest) =>
  method === 'tools/call' ? '{"resultType":"complete","content":[{"type":"text","text":"booked"}]}' : undefined;

async function desk(script: Omit<McpScript, 'tools' | 'resultOf'>) {
  world = await startScriptedWorld({
    desk: { ...script, tools: '[{"name":"book","inputSchema":{"type":"object"}}]', resultOf },
  });
  const { url, someone, servers } = world;
  return {
    server: servers.desk,
    list: async () => (await postByHand(url, someone, modernRequest('tools/list'))).text,
    call: async (id: unknown = 7) => {
      const { body, headers } = modernRequest('tools/call', { name: 'desk__book', arguments: {} });
      return await postByHand(url, someone, { body: { ...body, id }, headers });
    },
  };
}
const encoded = (answer: Answer, coding: string, encode: (bytes: Buffer) => Buffer): Answer =>
  answer.body === undefined
    ? answer
    : { ...answer, headers: { ...answer.headers, 'content-encoding': coding }, body: encode(Buffer.from(answer.body)) };

describe.each(['modern', 'sessions'] as const)('a %s server', (era) => {
  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const)('that compresses with %s whatever it is asked for is understood', async (coding, encode) => {
    const { server, list, call } = await desk({ era, dressed: (answer) => encoded(answer, coding, encode) });
    expect(await list()).toContain('desk__book');
    expect((await call()).text).toContain('booked');
    expect(new Set(server.seen.map(({ headers }) => headers['accept-encoding']))).toEqual(new Set(['identity']));
  });
  test('that makes very much of a little is cut at the limit of an answer, as any other (S33)', async () => {
    const bomb = gzipSync(
      Buffer.concat([
        Buffer.from('{"jsonrpc":"2.0","id":7,"result":{"content":[],"x":"'),
        Buffer.alloc(600_000_000, 'a'),
      ]),
    );
    const { call } = await desk({
      era,
      dressed: (answer, { method }) =>
        method === 'tools/call' ? { status: 200, headers: { 'content-encoding': 'gzip' }, body: bomb } : answer,
    });
    const before = process.memoryUsage().rss;
    expect((await call()).text).toMatch(/too large|did not answer as an MCP server|broke off/);
    expect(process.memoryUsage().rss - before).toBeLessThan(300_000_000);
  });
  test.each([7, 'seven'])(
    'that writes ids as text answers %j all the same, and the client has its own back',
    async (id) => {
      const { list, call } = await desk({
        era,
        dressed: (answer) => ({
          ...answer,
          ...(typeof answer.body === 'string' && { body: answer.body.replace(/"id":(\d+)/, '"id":"$1"') }),
        }),
      });
      expect(await list()).toContain('desk__book');
      expect((await call(id)).json).toMatchObject({ id, result: { content: [{ text: 'booked' }] } });
    },
  );
  test('that begins with a byte order mark is understood', async () => {
    const { list, call } = await desk({
      era,
      dressed: (answer) => ({ ...answer, ...(answer.body !== undefined && { body: `\uFEFF${String(answer.body)}` }) }),
    });
    expect(await list()).toContain('desk__book');
    expect((await call()).text).toContain('booked');
  });
  test('that ends a connection just when it is used again is asked once more what changes nothing', async () => {
    const failed = new Set<string>();
    const { list, call } = await desk({
      era,
      instead: ({ method }) => {
        if (method !== 'tools/list' || failed.has(method)) return undefined;
        failed.add(method);
        return 'close';
      },
    });
    expect(await list()).toContain('desk__book');
    expect((await call()).text).toContain('booked');
  });
});

test('a session id of 1,539 characters, as chained gateways make them, is a session id', async () => {
  const ids = new Map<string, string>();
  const { server, list, call } = await desk({
    era: 'sessions',
    dressed: (answer) => {
      const id = answer.headers?.['mcp-session-id'];
      if (id === undefined) return answer;
      ids.set(id.padEnd(1_539, 'x'), id);
      return { ...answer, headers: { ...answer.headers, 'mcp-session-id': id.padEnd(1_539, 'x') } };
    },
    instead: (request) => {
      const long = String(request.headers['mcp-session-id'] ?? '');
      request.headers['mcp-session-id'] = ids.get(long) ?? long;
      return undefined;
    },
  });
  expect(await list()).toContain('desk__book');
  expect((await call()).text).toContain('booked');
  expect(server.seen.filter(({ method }) => method === 'initialize')).toHaveLength(1);
});
