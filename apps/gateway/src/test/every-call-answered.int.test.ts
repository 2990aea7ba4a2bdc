import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import { startScriptedWorld } from './world/scripted-world.js';
import type { ScriptedWorld } from './world/scripted-world.js';

const PATIENT = { overrides: { stalenessBoundMs: 600_000 } };
let world: ScriptedWorld<'desk'> | undefined;
let isClosed = false;
afterEach(async () => {
  if (!isClosed) await world?.close();
  world = undefined;
  isClosed = false;
});

/** A server whose one tool begins and is never done. */
async function endless(era: 'modern' | 'sessions') {
  const counts = { begun: 0 };
  world = await startScriptedWorld(
    {
      desk: {
        era,
        tools: '[{"name":"book","inputSchema":{"type":"object"}}]',
        instead: ({ method }) => {
          if (method !== 'tools/call') return undefined;
          counts.begun += 1;
          return 'hang';
        },
      },
    },
    PATIENT,
  );
  return { ...world, counts };
}

/** What comes back over one connection, byte for byte, and whether it is closed. */
async function rawPost(url: string, headers: Record<string, string>, body: unknown) {
  const { hostname, port, pathname } = new URL(url);
  const text = JSON.stringify(body);
  const socket = connect(Number(port), hostname);
  const heard = { text: '', isClosed: false };
  socket
    .on('data', (chunk: Buffer) => (heard.text += chunk.toString()))
    .on('close', () => (heard.isClosed = true))
    .on('error', () => undefined);
  socket.write(
    `POST ${pathname} HTTP/1.1\r\nhost: ${hostname}:${port}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n${Object.entries(
      headers,
    )
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')}\r\n${text}`,
  );
  return { heard, end: () => socket.destroy() };
}

async function sessionOf({ url, someone }: ScriptedWorld<'desk'>) {
  const accept = 'application/json, text/event-stream';
  const body = {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c', version: '1' } },
  };
  const opened = await postByHand(url, someone, { headers: { accept }, body });
  return {
    'mcp-session-id': opened.headers.get('mcp-session-id') ?? '',
    'mcp-protocol-version': '2025-11-25',
    authorization: `Bearer ${someone}`,
  };
}

const call = { jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'desk__book', arguments: {} } };

describe.each(['modern', 'sessions'] as const)('a call that a %s server does not answer', (era) => {
  describe.each(['application/json, text/event-stream', 'application/json'])('and a client that takes %s', (accept) => {
    const ends: readonly (readonly [
      string,
      (url: string, headers: Record<string, string>) => Promise<unknown>,
      RegExp,
    ])[] = [
      [
        'cancels',
        async (url, { authorization = '', ...headers }) =>
          await postByHand(url, authorization.slice('Bearer '.length), {
            headers,
            body: { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 2 } },
          }),
        accept.includes('stream') ? /\r\n0\r\n\r\n$/ : /the client cancelled it/,
      ],
      [
        'ends the session of',
        async (url, headers) =>
          await new Promise((resolve, reject) =>
            httpRequest(url, { method: 'DELETE', headers }, (response) => resolve(response.resume()))
              .on('error', reject)
              .end(),
          ),
        /the client ended its MCP session/,
      ],
    ];
    test.each(ends)(
      '%s is answered, on a connection that stays, and made once (B19, S17)',
      async (_how, end, answer) => {
        const there = await endless(era);
        const headers = await sessionOf(there);
        const { heard, end: hangUp } = await rawPost(there.url, { ...headers, accept }, call);
        await expect.poll(() => there.counts.begun).toBe(1);
        await end(there.url, headers);
        await expect.poll(() => heard.text).toMatch(answer);
        expect(heard.text).toMatch(/^HTTP\/1\.1 200 OK/);
        expect([heard.isClosed, there.counts.begun]).toEqual([false, 1]);
        hangUp();
      },
    );
  });
});

test('a call that runs when the gateway stops is answered before its connection is closed (B19)', async () => {
  const there = await endless('modern');
  const { body, headers } = modernRequest('tools/call', { name: 'desk__book', arguments: {} });
  await postByHand(there.url, there.someone, modernRequest('tools/list'));
  const { heard } = await rawPost(there.url, { ...headers, authorization: `Bearer ${there.someone}` }, body);
  await expect.poll(() => there.counts.begun).toBe(1);
  isClosed = true;
  await there.close();
  expect(heard.text).toContain('the gateway was stopped while it ran. It may have taken effect already.');
});
