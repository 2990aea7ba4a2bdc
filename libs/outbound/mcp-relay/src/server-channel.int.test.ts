import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { EmptyResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { Agent } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRelay, createServerChannel } from './index.js';
import type { RelayAnswer, ServerMessage } from './index.js';

/** What most servers run: the v1 SDK, 2025-11-25, with sessions. */
const transports = new Map<string, StreamableHTTPServerTransport>();
const seen: { method: string; rpc: unknown; session: string | undefined; user: string | undefined }[] = [];
const http = createServer((request, response) => {
  void (async () => {
    const session = request.headers['mcp-session-id']?.toString();
    const body: unknown = request.method === 'POST' ? JSON.parse(await textOf(request)) : undefined;
    const rpc = typeof body === 'object' && body !== null && 'method' in body ? body.method : undefined;
    seen.push({ method: request.method ?? '', rpc, session, user: request.headers.authorization });
    let transport = session === undefined ? undefined : transports.get(session);
    if (transport === undefined && rpc === 'initialize') {
      const created = new StreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => void transports.set(id, created),
      });
      await serverFor(request.headers.authorization ?? '').connect(created);
      transport = created;
    }
    if (transport === undefined)
      return void response
        .writeHead(session === undefined ? 400 : 404, { 'content-type': 'application/json' })
        .end('{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request"},"id":null}');
    await transport.handleRequest(request, response, body);
  })();
});
const textOf = async (request: IncomingMessage) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
};
function serverFor(user: string): McpServer {
  const server = new McpServer({ name: 'legacy', version: '1' });
  server.registerTool('whoami', {}, () => ({ content: [{ type: 'text', text: user }] }));
  server.registerTool(
    'hang',
    {},
    ({ signal }) =>
      new Promise((resolve) =>
        signal.addEventListener('abort', () => {
          seen.push({ method: 'cancelled', rpc: undefined, session: undefined, user });
          resolve({ content: [] });
        }),
      ),
  );
  server.registerTool('ping-first', {}, async ({ sendRequest }) => {
    await sendRequest({ method: 'ping' }, EmptyResultSchema);
    return { content: [{ type: 'text', text: 'pong' }] };
  });
  return server;
}

const dispatcher = new Agent();
let url: URL;
let now = 1_000_000;
beforeAll(async () => {
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  url = new URL(`http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`);
});
afterAll(async () => {
  await dispatcher.destroy();
  http.closeAllConnections();
  await new Promise((resolve) => http.close(resolve));
});

const channel = createServerChannel({ relay: createRelay({ dispatcher, userAgent: 'test' }), clock: () => now });
const target = (user: string, signal = new AbortController().signal) => ({
  url,
  identity: user,
  credential: { headers: { authorization: `Bearer ${user}` } },
  idleTimeoutMs: 5_000,
  signal,
});
const call = (name: string, id: string | number = 'x') => ({
  id,
  method: 'tools/call',
  params: { name, arguments: {} },
  meta: undefined,
  clientInfo: { name: 't', version: '1' },
  clientCapabilities: {},
  name,
  parameterHeaders: {},
});
async function last(answer: RelayAnswer): Promise<ServerMessage | undefined> {
  if (answer.type === 'message') return answer.message;
  if (answer.type !== 'stream') throw new Error(JSON.stringify(answer));
  let message: ServerMessage | undefined;
  for await (const next of answer.messages) message = next;
  return message;
}

interface Rpc {
  readonly id?: unknown;
  readonly method?: string;
}
async function listen(
  handle: (
    request: IncomingMessage,
    rpc: Rpc,
    answer: (status: number, body: object) => void,
    response: ServerResponse,
  ) => void,
): Promise<{ url: URL; close(): Promise<unknown> }> {
  const server = createServer((request, response) => {
    void textOf(request).then((text) =>
      handle(
        request,
        text === '' ? {} : (JSON.parse(text) as Rpc),
        (status, body) =>
          void response
            .writeHead(status, { 'content-type': 'application/json' })
            .end(JSON.stringify({ jsonrpc: '2.0', ...body })),
        response,
      ),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`),
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('a server of 2024-11-05, of the SDK (HTTP+SSE)', () => {
  test('is recognised by the stream it begins, however it is asked first, and left alone (B32)', async () => {
    const gets: boolean[] = [];
    const old = createServer((request, response) => {
      if (request.method !== 'GET') return void response.writeHead(404).end('Cannot POST /sse');
      response.on('close', () => gets.push(true));
      void serverFor('').connect(new SSEServerTransport('/messages', response));
    });
    await new Promise<void>((resolve) => old.listen(0, '127.0.0.1', resolve));
    try {
      const there = { ...target('alice'), url: new URL(`http://127.0.0.1:${(old.address() as AddressInfo).port}/sse`) };
      const list = { ...call('x'), method: 'tools/list', params: {}, name: undefined };
      expect(await channel.request(there, list)).toEqual({ type: 'failed', reason: 'sse-only', status: 404 });
      expect(await channel.request(there, call('whoami'))).toEqual({ type: 'failed', reason: 'sse-only', status: 404 });
      await expect.poll(() => gets).toEqual([true, true]);
    } finally {
      old.closeAllConnections();
      await new Promise((resolve) => old.close(resolve));
    }
  });
});

describe('a legacy server behind the channel', () => {
  test('is recognised by its answer to a modern request, initialized once per user, and answers under the id it was asked with (B5) (R34)', async () => {
    expect((await last(await channel.request(target('alice'), call('whoami', 'first'))))?.value).toMatchObject({
      id: 'first',
      result: { content: [{ text: 'Bearer alice' }] },
    });
    expect((await last(await channel.request(target('bob'), call('whoami', 7))))?.value).toMatchObject({
      id: 7,
      result: { content: [{ text: 'Bearer bob' }] },
    });
    await Promise.all([1, 2, 3].map(async (id) => last(await channel.request(target('alice'), call('whoami', id)))));
    expect(seen.filter(({ rpc }) => rpc === 'initialize').map(({ user }) => user)).toEqual([
      'Bearer alice',
      'Bearer bob',
    ]);
    expect(seen.filter(({ rpc }) => rpc === 'notifications/initialized')).toHaveLength(2);
    expect(seen[0]).toMatchObject({ rpc: 'server/discover', session: undefined });
    expect(seen.filter(({ rpc }) => rpc === 'tools/call')).toHaveLength(5);
  });
  test('that forgot the session is initialized again', async () => {
    transports.clear();
    expect((await last(await channel.request(target('alice'), call('whoami'))))?.value).toMatchObject({
      result: { content: [{ text: 'Bearer alice' }] },
    });
  });
  test('that asks whether we are there gets an answer', async () => {
    expect((await last(await channel.request(target('alice'), call('ping-first'))))?.value).toMatchObject({
      result: { content: [{ text: 'pong' }] },
    });
  });
  test('is told when the caller goes away, which closing the connection does not do', async () => {
    const leaving = new AbortController();
    const answer = await channel.request(target('alice', leaving.signal), call('hang'));
    leaving.abort();
    await expect(last(answer)).rejects.toThrow('aborted');
    await expect.poll(() => seen.some(({ method }) => method === 'cancelled')).toBe(true);
  });
  test('that is upgraded is spoken to in the new era from the next request on (B5)', async () => {
    let isUpgraded = false;
    const server = createServer((request, response) => {
      void textOf(request).then((text) => {
        const { id, method } = JSON.parse(text) as { id: number; method: string };
        const answer = (status: number, body: object) =>
          response
            .writeHead(status, { 'content-type': 'application/json' })
            .end(JSON.stringify({ jsonrpc: '2.0', id, ...body }));
        const isModern = request.headers['mcp-protocol-version'] === '2026-07-28';
        if (isUpgraded !== isModern)
          return answer(400, { error: { code: isUpgraded ? -32602 : -32000, message: 'Bad Request' } });
        if (method === 'server/discover')
          return answer(200, {
            result: { resultType: 'complete', supportedVersions: ['2026-07-28'], capabilities: {} },
          });
        return answer(200, {
          result:
            method === 'initialize'
              ? { protocolVersion: '2025-11-25', capabilities: {} }
              : { content: [], era: isModern ? 'modern' : 'legacy' },
        });
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const there = {
      ...target('alice'),
      url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`),
    };
    expect((await last(await channel.request(there, call('x'))))?.value).toMatchObject({ result: { era: 'legacy' } });
    isUpgraded = true;
    expect((await last(await channel.request(there, call('x'))))?.value).toMatchObject({ error: { code: -32602 } }); // whether it ran nobody knows
    expect((await last(await channel.request(there, call('x'))))?.value).toMatchObject({
      id: 'x',
      result: { era: 'modern' },
    });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  test('that takes any revision is initialized all the same once its list lacks what 2026-07-28 has; one that is never initialized keeps its answer (B5)', async () => {
    for (const initializes of [true, false]) {
      const methods: unknown[] = [];
      const there = await listen((request, { id, method }, answer) => {
        methods.push(method);
        if (method === 'initialize' && !initializes)
          return answer(404, { id, error: { code: -32601, message: 'Method not found' } });
        answer(200, {
          id,
          result:
            method === 'initialize'
              ? { protocolVersion: '2025-11-25', capabilities: {} }
              : { tools: [], revision: request.headers['mcp-protocol-version'] },
        });
      });
      const list = () =>
        channel.request(
          { ...target('alice'), url: there.url },
          { ...call('x'), method: 'tools/list', params: {}, name: undefined },
        );
      for (const attempt of [1, 2])
        expect((await last(await list()))?.value, String(attempt)).toMatchObject({
          id: 'x',
          result: { revision: initializes ? '2025-11-25' : '2026-07-28' },
        });
      expect(methods.filter((method) => method === 'initialize')).toHaveLength(1);
      await there.close();
    }
  });
  test('that closes the stream before it answered is asked for the rest, after the time it wants and from where it stopped; without an id the call is over (B5)', async () => {
    for (const id of ['place-1', '']) {
      let closedAt = 0;
      let resumed: { lastEventId: unknown; session: unknown; afterMs: number; authorization: unknown } | undefined;
      let callId: unknown;
      const there = await listen((request, rpc, answer, response) => {
        if (rpc.method === 'initialize') {
          response.setHeader('mcp-session-id', 'session-1');
          return answer(200, { id: rpc.id, result: { protocolVersion: '2025-11-25', capabilities: {} } });
        }
        if (rpc.method === 'notifications/initialized') return void response.writeHead(202).end();
        if (request.method === 'POST' && request.headers['mcp-session-id'] === undefined)
          return answer(400, { id: rpc.id, error: { code: -32000, message: 'Bad Request' } });
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        if (request.method === 'POST') {
          callId = rpc.id;
          closedAt = performance.now();
          return void response.end(`${id === '' ? '' : `id: ${id}\n`}retry: 200\ndata:\n\n`);
        }
        resumed = {
          lastEventId: request.headers['last-event-id'],
          session: request.headers['mcp-session-id'],
          authorization: request.headers.authorization,
          afterMs: performance.now() - closedAt,
        };
        response.end(`data: ${JSON.stringify({ jsonrpc: '2.0', id: callId, result: { content: [] } })}\n\n`);
      });
      const answer = await last(await channel.request({ ...target('alice'), url: there.url }, call('x')));
      expect(answer?.value).toEqual(id === '' ? undefined : { jsonrpc: '2.0', id: 'x', result: { content: [] } });
      expect(resumed).toEqual(
        id === ''
          ? undefined
          : { lastEventId: id, session: 'session-1', authorization: 'Bearer alice', afterMs: expect.any(Number) },
      );
      if (resumed !== undefined) expect(resumed.afterMs).toBeGreaterThanOrEqual(195);
      await there.close();
    }
  });
  test('loses sessions nobody uses', async () => {
    now += 6 * 60_000;
    channel.sweep();
    await expect.poll(() => seen.filter(({ method }) => method === 'DELETE').length).toBe(2);
  });
});

test('a server that asks faster than it takes answers is read no further: so many are under way to it and no more (S17)', async () => {
  const hanging: ServerResponse[] = [];
  let most = 0;
  const server = createServer((request, response) => {
    void (async () => {
      const { id, method } = JSON.parse(await textOf(request)) as { id?: number; method?: string };
      const json = (body: object) =>
        response
          .writeHead(200, { 'content-type': 'application/json', 'mcp-session-id': 's' })
          .end(JSON.stringify({ jsonrpc: '2.0', id, ...body }));
      if (method === 'initialize')
        return void json({
          result: { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: { name: 's', version: '1' } },
        });
      if (request.headers['mcp-session-id'] === undefined) return void response.writeHead(400).end();
      if (method === 'tools/call') {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        for (let ping = 0; ping < 2_000; ping++)
          response.write(`data: {"jsonrpc":"2.0","id":${ping},"method":"ping"}\n\n`);
        return void response.end(`data: {"jsonrpc":"2.0","id":${id},"result":{}}\n\n`);
      }
      if (method !== undefined) return void response.writeHead(202).end();
      if (isOpen) return void response.writeHead(202).end();
      hanging.push(response);
      most = Math.max(most, hanging.length);
    })();
  });
  let isOpen = false;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const there = { ...target('zoe'), url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`) };
  const answered = channel.request(there, call('any')).then(last);
  await expect.poll(() => hanging.length).toBe(16);
  // A round trip of another request later there are still no more.
  await channel.request(there, { ...call('any'), method: 'logging/x' });
  expect(most).toBe(16);
  isOpen = true;
  for (const response of hanging.splice(0)) response.writeHead(202).end();
  expect((await answered)?.value).toMatchObject({ id: 'x', result: {} });
  server.closeAllConnections();
  server.close();
});
