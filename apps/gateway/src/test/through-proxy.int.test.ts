import { outboundProxy, readProxyUrl } from '@sallyport/safe-fetch';
import {
  createTestAuthority,
  scriptMcp,
  startConnectProxy,
  startHttpsServer,
  type ConnectProxy,
} from '@sallyport/testing/servers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import { startScriptedWorld } from './world/scripted-world.js';
import type { ScriptedWorld } from './world/scripted-world.js';

const PASSWORD = 'pr0xy-passw0rd';
const TOOLS = '[{"name":"read","inputSchema":{"type":"object"}}]';

let proxy: ConnectProxy;
let world: ScriptedWorld<'notes' | 'near'>;
const reaches: Record<string, number> = {};
beforeEach(async () => {
  proxy = await startConnectProxy({ reaches });
  const server = readProxyUrl(proxy.url.replace('//', `//ada:${PASSWORD}@`));
  const scripted = { tools: TOOLS, resultOf: () => '{"content":[{"type":"text","text":"done"}]}' } as const;
  world = await startScriptedWorld(
    { notes: { era: 'sessions', ...scripted }, near: { era: 'modern', ...scripted } },
    {
      allow: ['127.0.0.1', 'notes.inside'].map((host) => ({ host, http: true })),
      addresses: { notes: 'http://notes.inside/mcp' },
      overrides: { proxy: outboundProxy({ http: server, https: server }), stalenessBoundMs: 600_000 },
    },
  );
  reaches['notes.inside:80'] = Number(new URL(world.servers.notes.url).port);
});
afterEach(async () => {
  await world.close();
  await proxy.close();
});
const ask = (method: string, params: Record<string, unknown> = {}) =>
  postByHand(world.url, world.someone, modernRequest(method, params));
const list = async () =>
  (await ask('tools/list')).json?.result as { tools: { name: string }[]; _meta?: Record<string, unknown> };

test('servers are called through the proxy, but for those on this machine, and our own keys are not (B21)', async () => {
  expect((await list()).tools.map(({ name }) => name)).toEqual(['near__read', 'notes__read']);
  expect(JSON.stringify((await ask('tools/call', { name: 'notes__read', arguments: {} })).json)).toContain(
    '"text":"done"',
  );
  expect(new Set(proxy.asked.map(({ method, target }) => `${method} ${target}`))).toEqual(
    new Set(['CONNECT notes.inside:80']),
  );
  expect(
    world.servers.notes.seen.flatMap(({ headers }) => Object.keys(headers).filter((name) => name.startsWith('proxy-'))),
  ).toEqual([]);
});

test('a call to a server behind https goes as one tunnel, its stream and its progress as they come, and the proxy reads none of it (B5, S30)', async () => {
  const authority = await createTestAuthority();
  const scripted = scriptMcp({ era: 'modern', tools: TOOLS });
  let finish: () => void = () => undefined;
  const server = await startHttpsServer(
    authority,
    (incoming, response) => {
      void (async () => {
        const chunks: Buffer[] = [];
        for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
        const raw = Buffer.concat(chunks).toString('utf8');
        const { id, method, params } = JSON.parse(raw) as {
          id: string;
          method: string;
          params: Record<string, unknown>;
        };
        if (method !== 'tools/call') {
          const answer = await scripted.script({
            httpMethod: 'POST',
            path: '/mcp',
            headers: incoming.headers,
            raw,
            id,
            method,
            params,
          });
          if (typeof answer === 'string') return;
          return void response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
        }
        response
          .writeHead(200, { 'content-type': 'text/event-stream' })
          .write(
            `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken: (params['_meta'] as { progressToken?: unknown } | undefined)?.progressToken, progress: 1 } })}\n\n`,
          );
        finish = () =>
          void response.end(
            `data: ${JSON.stringify({ jsonrpc: '2.0', id, result: { resultType: 'complete', content: [{ type: 'text', text: 'secret-of-the-result' }] } })}\n\n`,
          );
      })();
    },
    { host: 'far.inside' },
  );
  reaches['far.inside:443'] = server.port;
  const far = await startScriptedWorld(
    { far: { era: 'modern' } },
    {
      allow: [{ host: 'far.inside' }],
      addresses: { far: 'https://far.inside/mcp' },
      overrides: {
        proxy: outboundProxy({ https: readProxyUrl(proxy.url) }),
        extraCertificateAuthorities: [authority.certificate],
        stalenessBoundMs: 600_000,
      },
    },
  );
  try {
    const { headers, body } = modernRequest('tools/call', {
      name: 'far__read',
      arguments: { note: 'secret-of-the-call' },
      _meta: { progressToken: 'p' },
    });
    const response = await fetch(far.url, {
      method: 'POST',
      headers: {
        ...headers,
        authorization: `Bearer ${far.someone}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify(body),
    });
    const reader = (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
    let read = '';
    while (!read.includes('notifications/progress'))
      read += (await reader.read()).value ?? expect.fail(`ended: ${read}`);
    expect(read).not.toContain('secret-of-the-result');
    finish();
    for (let next = await reader.read(); !next.done; next = await reader.read()) read += next.value;
    expect(read).toContain('secret-of-the-result');
    expect(new Set(proxy.asked.map(({ target }) => target))).toEqual(new Set(['far.inside:443']));
    expect(proxy.passed()).not.toMatch(/secret-of-the-(call|result)|tools\/call/);
  } finally {
    await far.close();
    await server.close();
  }
});

test('a proxy that wants another password is told as that: in the log, in the event, and to the caller without its address (B32, S30)', async () => {
  proxy.instead = () => ({ status: 407 });
  const { tools, _meta } = await list();
  expect(tools.map(({ name }) => name)).toEqual(['near__read']);
  expect(_meta?.['sallyport/unavailableServers']).toEqual([{ server: 'notes', reason: 'proxy-failed', status: 407 }]);
  const called = JSON.stringify((await ask('tools/call', { name: 'notes__read', arguments: {} })).json);
  expect(called).toContain(
    'notes cannot be reached: the proxy between this gateway and the network did not let the request through.',
  );
  await expect
    .poll(() => world.records.find(({ method }) => method === 'tools/call')?.reason)
    .toBe('server-unavailable:proxy-failed:407');
  expect(world.log()).toContain(
    `The proxy at 127.0.0.1:${proxy.port} answered 407 Proxy Authentication Required to CONNECT notes.inside:80. It wants another user and password`,
  );
  expect(called + JSON.stringify(_meta)).not.toContain(String(proxy.port));
  expect(world.log() + called).not.toMatch(
    new RegExp(`${PASSWORD}|${Buffer.from(`ada:${PASSWORD}`).toString('base64')}`),
  );
});
