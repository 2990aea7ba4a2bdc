import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import { startBigServerWorld } from './world/big-server-world.js';
import { testUser } from './world/gateway-world.js';
import type { GatewayWorld } from './world/gateway-world.js';

const MEBIBYTE = 1024 * 1024;
const SECRET = 'a-credential-that-nobody-must-see';
const piece = `${'lorem ipsum '.repeat(5_333)}end \\"\\n`;
const piecesOf = (mebibytes: number) => Math.ceil((mebibytes * MEBIBYTE) / piece.length);

type Said = Iterable<string>;
function* long(before: string, after: string, mebibytes = 20): Said {
  yield before;
  for (let i = 0; i < piecesOf(mebibytes); i++) yield piece;
  yield after;
}
/** The same, of small things. */
function* many(before: string, after: string, mebibytes: number): Said {
  yield before;
  for (let i = 0; i < mebibytes; i++) yield 'abc","'.repeat(MEBIBYTE / 6);
  yield after;
}
const text = (more = '', members = '') =>
  [
    `{"result":{"resultType":"complete"${members},"content":[{"type":"text","text":"`,
    `"}]${more}},"jsonrpc":"2.0","id":ID}`,
  ] as const;
/** By tool: what it answers. `ID` is the request's. */
const answers: Record<string, { readonly type?: string; readonly said: () => Said; readonly length?: number }> = {
  json: { said: () => long(...text(), 50) },
  stream: { type: 'text/event-stream', said: () => long(`event: message\ndata: ${text()[0]}`, `${text()[1]}\n\n`) },
  untyped: { said: () => long('{"jsonrpc":"2.0","id":ID,"result":{"content":[{"type":"text","text":"', '"}]}}') },
  uri: {
    said: () =>
      long(
        '{"jsonrpc":"2.0","id":ID,"result":{"resultType":"complete","content":[{"type":"resource","resource":{"uri":"note://1","text":"',
        '"}},{"type":"resource_link","name":"2","uri":"note://2"}]}}',
      ),
  },
  'uri-last': {
    said: () =>
      long(
        '{"jsonrpc":"2.0","id":ID,"result":{"resultType":"complete","content":[{"type":"resource","resource":{"text":"',
        '","uri":"note://1"}}]}}',
        4,
      ),
  },
  'uri-last-20': {
    said: () =>
      long(
        '{"jsonrpc":"2.0","id":ID,"result":{"resultType":"complete","content":[{"type":"resource","resource":{"text":"',
        '","uri":"note://1"}}]}}',
      ),
  },
  rows: {
    said: () =>
      many(
        '{"jsonrpc":"2.0","id":ID,"result":{"resultType":"complete","content":[],"structuredContent":{"rows":["',
        '"]}}}',
        20,
      ),
  },
  secret: {
    said: () => [
      text()[0],
      piece.repeat(20),
      SECRET.slice(0, 9),
      SECRET.slice(9),
      `b\\u002f${SECRET.replace('-', '\\u002d')}`,
      piece.repeat(20),
      text()[1],
    ],
  },
  another: { said: () => long(text()[0], text()[1].replace('ID', '"of somebody else"'), 4) },
  asks: { said: () => long(...text(',"resultType":"input_required","inputRequests":{}'), 4) },
  twice: { said: () => long(...text(',"content":[]'), 4) },
  errors: { said: () => long('{"jsonrpc":"2.0","id":ID,"error":{"code":-32603,"message":"', '"}}', 4) },
  'breaks-off': { said: () => long(text()[0], '', 4) },
  endless: { said: () => long(...text(), 250) },
  announced: { said: () => long(...text(), 250), length: 300 * MEBIBYTE },
};

let written = 0;
async function say(response: ServerResponse, said: Said, id: unknown): Promise<void> {
  for (const part of said) {
    if (response.destroyed) return;
    const bytes = part.replace('ID', JSON.stringify(id));
    written += bytes.length;
    if (!response.write(bytes))
      await new Promise<void>((resolve) => {
        const go = () => {
          response.off('drain', go).off('close', go);
          resolve();
        };
        response.on('drain', go).on('close', go);
      });
  }
  response.end();
}
const http = createServer((request, response) => {
  void (async () => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) body += chunk;
    const { id, method, params } = JSON.parse(body) as { id: unknown; method: string; params: { name?: string } };
    if (method !== 'tools/call')
      return void response.writeHead(200, { 'content-type': 'application/json' }).end(
        JSON.stringify({
          jsonrpc: '2.0',
          id,
          result: {
            resultType: 'complete',
            tools: Object.keys(answers).map((name) => ({ name, inputSchema: { type: 'object' } })),
          },
        }),
      );
    const { type = 'application/json', said, length } = answers[params.name ?? ''] ?? { said: () => [] };
    response.writeHead(200, { 'content-type': type, ...(length === undefined ? {} : { 'content-length': length }) });
    await say(response, said(), id);
  })();
});

let world: GatewayWorld;
beforeAll(
  async () =>
    void (world = await startBigServerWorld(
      http,
      { authorization: `Bearer ${SECRET}` },
      { maxAnswerBytes: 64 * MEBIBYTE },
    )),
);
afterAll(() => world?.close());

async function connected(version: string): Promise<Client> {
  const client = new Client(
    { name: 'agent', version: '1' },
    version === '2026-07-28'
      ? { versionNegotiation: { mode: { pin: version } } }
      : { supportedProtocolVersions: [version] },
  );
  await client.connect(
    new StreamableHTTPClientTransport(new URL(world.url), {
      requestInit: { headers: { authorization: `Bearer ${await world.token(testUser('alice'))}` } },
    }),
  );
  return client;
}
const call = async (name: string, options: { accept?: string } = {}) =>
  postByHand(
    world.url,
    await world.token(testUser('alice')),
    (({ body, headers }) => ({
      body,
      headers: { accept: 'application/json, text/event-stream', ...headers, ...options },
    }))(modernRequest('tools/call', { name: `big__${name}`, arguments: {} })),
  );
const whole = (pieces: number) => (JSON.parse(`"${piece}"`) as string).repeat(pieces);
const TOO_LARGE = [
  {
    type: 'text',
    text: 'The answer of big is too large to relay. The call may have been carried out: find out before making it again.',
  },
];

test.each(['2026-07-28', '2025-11-25'])(
  'tens of megabytes of text in one message reach a client of %s as they are, in whatever form the server sends them (B5)',
  async (version) => {
    const client = await connected(version);
    for (const name of version === '2026-07-28' ? ['json', 'stream'] : ['stream', 'untyped']) {
      const { content } = await client.callTool({ name: `big__${name}`, arguments: {} });
      expect((content as { text: string }[])[0]?.text === whole(piecesOf(name === 'json' ? 50 : 20))).toBe(true);
    }
    await client.close();
  },
);

test('it passes as fast as the client takes it: one that waits makes the server wait, and nothing is held here (B5)', async () => {
  written = 0;
  const { body, headers } = modernRequest('tools/call', { name: 'big__json', arguments: {} });
  const responses = await Promise.all(
    Array.from({ length: 8 }, async () =>
      fetch(world.url, {
        method: 'POST',
        headers: {
          ...headers,
          accept: 'application/json, text/event-stream',
          'content-type': 'application/json',
          authorization: `Bearer ${await world.token(testUser('alice'))}`,
        },
        body: JSON.stringify(body),
      }),
    ),
  );
  let last = -1;
  await expect
    .poll(
      () => {
        const isAtRest = written === last;
        last = written;
        return isAtRest;
      },
      { interval: 500 },
    )
    .toBe(true);
  // Of 400 MB: what sockets hold between two that wait, of eight.
  expect(written).toBeLessThan(8 * 24 * MEBIBYTE);
  for (const response of responses) await response.body?.cancel();
});

test('URIs are made public in what passes on, also where one follows its text (S13)', async () => {
  const answer = await call('uri');
  const [embedded, link] = (answer.json?.result?.['content'] ?? []) as {
    resource: { uri: string; text: string };
    uri: string;
  }[];
  expect([embedded?.resource.uri, link?.uri]).toEqual(['via-big+note://1', 'via-big+note://2']);
  expect(embedded?.resource.text === whole(piecesOf(20))).toBe(true);
  for (const [name, pieces] of [
    ['uri-last', 4],
    ['uri-last-20', 20],
  ] as const) {
    const [late] = ((await call(name)).json?.result?.['content'] ?? []) as {
      resource: { uri: string; text: string };
    }[];
    expect(late?.resource.uri).toBe('via-big+note://1');
    expect(late?.resource.text === whole(piecesOf(pieces))).toBe(true);
  }
});

test('the credential is not told, wherever the pieces end (R44)', async () => {
  const { text: answer } = await call('secret');
  expect(answer).not.toContain(SECRET);
  expect(answer.match(/\[redacted\]/g)).toHaveLength(2);
});

test.each(['another', 'asks', 'twice', 'breaks-off'])(
  'what comes later may not change what has left (%s): the event is no answer, and a refusal follows (S10) (S18)',
  async (name) => {
    const answer = await call(name);
    const [begun = ''] = answer.text.split('\n\n');
    expect(() => JSON.parse(begun.split('data: ')[1] ?? '')).toThrow('Unterminated string');
    expect(answer.json).toMatchObject({ id: 7, result: { isError: true } });
  },
);

test.each([
  ['rows', TOO_LARGE],
  ['announced', TOO_LARGE],
  ['endless', TOO_LARGE],
])('too large is refused in words: %s (S10)', async (name, content) => {
  expect((await call(name)).json).toMatchObject({ id: 7, result: { isError: true, content } });
});

test('an error, and an answer to a client that takes no stream, are held as far as there is room', async () => {
  expect((await call('errors')).json?.error ?? (await call('errors')).json?.result).toBeDefined();
  const answer = await call('uri-last', { accept: 'application/json' });
  expect(answer.headers.get('content-type')).toBe('application/json');
  expect((await call('json', { accept: 'application/json' })).json?.result).toMatchObject({
    isError: true,
    content: TOO_LARGE,
  });
});
