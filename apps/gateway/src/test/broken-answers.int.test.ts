import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Document } from '@sallyport/configuration';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import { startGatewayWorld, testUser } from './world/gateway-world.js';
import type { GatewayWorld } from './world/gateway-world.js';
import { startTwoServers } from './world/two-servers.js';

/** A credential of digits alone: taken out of what its server says, a number that holds it is no JSON any more. */
const KEY = '1234567890';

/** Asks once, and then says what cannot be read after the credential was taken out of it. */
const server: Server = createServer((request, response) => {
  void (async () => {
    const { id, method, params } = JSON.parse(await text(request)) as {
      id: unknown;
      method: string;
      params: { inputResponses?: unknown };
    };
    const asked = {
      resultType: 'input_required',
      requestState: 's',
      inputRequests: {
        name: {
          method: 'elicitation/create',
          params: {
            message: 'Your name?',
            requestedSchema: { type: 'object', properties: { name: { type: 'string' } } },
          },
        },
      },
    };
    const said =
      method !== 'tools/call'
        ? { result: { resultType: 'complete', tools: [{ name: 'ask', inputSchema: { type: 'object' } }] } }
        : params.inputResponses === undefined
          ? { result: asked }
          : { id: null, error: { code: 1, message: 'no', data: { is: Number(KEY) } } };
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ jsonrpc: '2.0', id, ...said }));
  })();
});
let world: GatewayWorld;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  world = await startGatewayWorld(
    [
      { kind: 'OutboundNetwork', name: 'default', spec: { allow: [{ host: '127.0.0.1', http: true }] } },
      { kind: 'AccessPolicy', name: 'everyone', spec: { hop: 'client-to-gateway' } },
      {
        kind: 'McpServer',
        name: 'odd',
        spec: {
          url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
          mayAsk: { elicitation: ['form'] },
        },
      },
      { kind: 'CredentialProvider', name: 'odd', spec: { type: 'none', server: 'odd' } },
      {
        kind: 'AccessPolicy',
        name: 'odd',
        spec: { hop: 'gateway-to-server', server: 'odd', credentialProvider: 'odd', tools: [{ match: ['*'] }] },
      },
    ].map((document) => Document.parse(document)),
  );
  world.leasing = () => ({
    type: 'granted',
    headers: { authorization: `Bearer ${KEY}` },
    connectionId: null,
    connectionRevision: 1,
    expiresInSeconds: 600,
  });
});
afterAll(async () => {
  await world?.close();
  await new Promise((resolve) => server.close(resolve));
});

test('an error without an id, of which no JSON is left once the credential is taken out, is told without its data: the gateway goes on (R44)', async () => {
  const token = await world.token(testUser('alice'));
  const post = async (body: object, session?: string) =>
    await fetch(world.url, {
      method: 'POST',
      body: JSON.stringify({ jsonrpc: '2.0', ...body }),
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        authorization: `Bearer ${token}`,
        ...(session === undefined ? {} : { 'mcp-session-id': session }),
      },
    });
  const begun = await post({
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: '2025-11-25',
      capabilities: { elicitation: {} },
      clientInfo: { name: 't', version: '1' },
    },
  });
  await begun.text();
  const session = begun.headers.get('mcp-session-id') ?? '';
  const call = await post({ id: 2, method: 'tools/call', params: { name: 'odd__ask', arguments: {} } }, session);
  const reader = call.body?.pipeThrough(new TextDecoderStream()).getReader();
  let heard = '';
  while (reader !== undefined && !heard.includes('elicitation/create')) heard += (await reader.read()).value ?? '';
  const question = JSON.parse(heard.split('data: ')[1] ?? '') as { id: string };
  expect(
    (await post({ id: question.id, result: { action: 'accept', content: { name: 'Ada' } } }, session)).status,
  ).toBe(202);
  while (reader !== undefined && !heard.includes('"id":2')) heard += (await reader.read()).value ?? '';
  expect(JSON.parse(heard.split('data: ').at(-1) ?? '')).toEqual({
    jsonrpc: '2.0',
    id: 2,
    error: { code: 1, message: 'no' },
  });
});

test('a call that its server, or a proxy before it, answers with 500, 502 or 504 may have run: nothing says to try again, as after 503 (R74)', async () => {
  const place = await startTwoServers();
  try {
    const token = await place.world.token(place.newUser('alice'));
    const callWith = async (status: number) => {
      place.notes.misbehave = ({ body }) =>
        body.method === 'tools/call' ? { status, body: 'oops', headers: { 'content-type': 'text/html' } } : undefined;
      return JSON.stringify(
        (
          await postByHand(
            place.world.url,
            token,
            modernRequest('tools/call', { name: 'notes__whoami', arguments: {} }),
          )
        ).json?.result,
      );
    };
    for (const status of [500, 502, 504])
      expect(await callWith(status)).toContain(
        `Notes failed (HTTP ${status}). The call may have been carried out: find out before making it again.`,
      );
    expect(await callWith(503)).toContain('Notes is not available. Try again later.');
  } finally {
    await place.close();
  }
});
