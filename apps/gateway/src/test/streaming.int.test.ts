import { createServer } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { modernRequest } from './world/by-hand.js';
import { startBigServerWorld } from './world/big-server-world.js';
import { testUser } from './world/gateway-world.js';
import type { GatewayWorld } from './world/gateway-world.js';

/** A server that says 50 MB before its result, as fast as it is taken, and counts what left it. */
const CHUNK = 64 * 1024;
const CHUNKS = 800;
let written = 0;
const http = createServer((request, response) => {
  void (async () => {
    let text = '';
    for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) text += chunk;
    const { id, method } = JSON.parse(text) as { id: unknown; method: string };
    const result = (value: object) =>
      JSON.stringify({ jsonrpc: '2.0', id, result: { resultType: 'complete', ...value } });
    if (method !== 'tools/call')
      return void response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(result({ tools: [{ name: 'much', inputSchema: { type: 'object' } }] }));
    let wake: (value?: unknown) => void = () => undefined;
    response.on('drain', () => wake()).on('close', () => wake());
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (let i = 0; i < CHUNKS && !response.destroyed; i++) {
      const isTaken = response.write(
        `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: 'x'.repeat(CHUNK) } })}\n\n`,
      );
      written += CHUNK;
      if (!isTaken && !response.destroyed) await new Promise((resolve) => (wake = resolve));
    }
    response.end(`data: ${result({ content: [] })}\n\n`);
  })();
});

let world: GatewayWorld;
beforeAll(async () => void (world = await startBigServerWorld(http)));
afterAll(() => world?.close());

test('50 MB of a stream pass as fast as the client takes them: one that waits makes the server wait (B5)', async () => {
  const { body, headers } = modernRequest('tools/call', {
    name: 'big__much',
    arguments: {},
    _meta: { 'io.modelcontextprotocol/logLevel': 'info' },
  });
  const response = await fetch(world.url, {
    method: 'POST',
    headers: {
      ...headers,
      'content-type': 'application/json',
      authorization: `Bearer ${await world.token(testUser('alice'))}`,
    },
    body: JSON.stringify(body),
  });
  expect(response.headers.get('x-accel-buffering')).toBe('no');
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  let taken = (await reader.read()).value?.length ?? 0;
  // Nobody reads on: the server comes to rest long before its end, at what sockets hold between two that wait.
  let before = -1;
  await expect
    .poll(
      () => {
        const isAtRest = written === before;
        before = written;
        return isAtRest;
      },
      { interval: 500 },
    )
    .toBe(true);
  expect(written - taken).toBeLessThan(24 * 1024 * 1024);
  let last = '';
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    taken += next.value.length;
    last = new TextDecoder().decode(next.value).slice(-200);
  }
  expect(written).toBe(CHUNK * CHUNKS);
  expect(taken).toBeGreaterThan(CHUNK * CHUNKS);
  expect(last).toContain('"resultType":"complete"');
});
