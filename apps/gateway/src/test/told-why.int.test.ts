import type { McpScript, ScriptedAnswer, ScriptedRequest } from '@sallyport/testing/servers';
import { afterEach, describe, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import { startScriptedWorld } from './world/scripted-world.js';
import type { ScriptedWorld } from './world/scripted-world.js';

let world: ScriptedWorld<'desk'> | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

async function desk(script: Partial<McpScript> = {}, options: Parameters<typeof startScriptedWorld>[1] = {}) {
  const there = (world = await startScriptedWorld(
    { desk: { era: 'modern', tools: '[{"name":"book","inputSchema":{"type":"object"}}]', ...script } },
    options,
  ));
  const ask = async (method: string, params: Record<string, unknown> = {}) =>
    (await postByHand(there.url, there.someone, modernRequest(method, params))).json;
  return {
    there,
    unavailable: async () => (await ask('tools/list'))?.result?.['_meta'],
    /** What an agent reads that calls a tool it knows from before. */
    called: async () => JSON.stringify(await ask('tools/call', { name: 'desk__book', arguments: {} })),
  };
}

describe('a server at an address that nobody allowed (B32)', () => {
  test('is told to the agent with whose move it is, and to the operator with the line to add', async () => {
    const { there, unavailable, called } = await desk({}, { allow: [] });
    expect(await unavailable()).toMatchObject({
      'sallyport/unavailableServers': [{ server: 'desk', reason: 'refused-destination' }],
    });
    expect(await called()).toContain(
      'The gateway may not call desk: its address is private or not https, and not allowed. An administrator has to allow it in OutboundNetwork',
    );
    const { port } = new URL(there.servers.desk.url);
    expect(there.log()).toContain(
      `add this line to \`allow\` in the OutboundNetwork document: - { host: 127.0.0.1, ports: [${port}], http: true }`,
    );
    expect(there.servers.desk.seen).toEqual([]);
  });
});

test.each(['desk__connect', 'desk__book'])(
  'a provider that is paused is told in words where somebody calls %s, with since when and whose move it is (B32, B4)',
  async (name) => {
    const why =
      'The authorization server does not answer since 2026-11-30 08:15 UTC: the account at desk stays connected, and you need not do anything; it is asked again by itself.';
    const { there } = await desk({}, { leasing: () => ({ type: 'provider_unavailable', retryAfterSeconds: 40, why }) });
    const answer = await postByHand(there.url, there.someone, modernRequest('tools/call', { name, arguments: {} }));
    expect(JSON.stringify(answer.json?.result)).toContain(`${why} Try again in 40 seconds.`);
  },
);

/** As servers of 2024-11-05 answer: a stream to GET, and nothing to POST at the same address. */
const oldTransport =
  (post: Exclude<ScriptedAnswer, string>, event = 'event: endpoint\ndata: /messages?sessionId=1\n\n') =>
  ({ httpMethod }: ScriptedRequest): ScriptedAnswer =>
    httpMethod === 'GET' ? { status: 200, headers: { 'content-type': 'text/event-stream' }, body: event } : post;

describe('a server that speaks only HTTP+SSE, the transport of 2024-11-05 (B32)', () => {
  test.each([
    ['404 with a page', { status: 404, headers: { 'content-type': 'text/html' }, body: '<pre>Cannot POST /sse</pre>' }],
    ['405', { status: 405, headers: { allow: 'GET' }, body: 'Method Not Allowed' }],
    [
      '400 with an error',
      { status: 400, body: '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"No sessionId"}}' },
    ],
  ])('that answers a POST with %s is recognised, for the agent and in the log', async (_what, post) => {
    const { there, unavailable, called } = await desk({ instead: oldTransport(post) });
    expect(await unavailable()).toMatchObject({
      'sallyport/unavailableServers': [{ server: 'desk', reason: 'sse-only', status: post.status }],
    });
    expect(await called()).toContain(
      'desk speaks only the transport of 2024-11-05 (HTTP+SSE), which the gateway does not.',
    );
    expect(there.log()).toMatch(
      /"server":"desk","reason":"sse-only".*streamable HTTP address.*put a bridge in front.*a server cannot be listed/,
    );
  });

  test.each([
    ['a stream that begins otherwise', 'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/message"}\n\n'],
    ['a stream that ends at once', ''],
  ])('is not taken for one that has %s', async (_what, event) => {
    const { unavailable } = await desk({ instead: oldTransport({ status: 404 }, event) });
    expect(await unavailable()).toMatchObject({
      'sallyport/unavailableServers': [{ server: 'desk', reason: 'http-status', status: 404 }],
    });
  });
});
