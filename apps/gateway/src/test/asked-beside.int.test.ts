import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Document } from '@sallyport/configuration';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startLegacyAskingServer } from './world/asking-servers.js';
import type { AskingServer } from './world/asking-servers.js';
import { startGatewayWorld, testUser } from './world/gateway-world.js';
import type { GatewayWorld, TestUser } from './world/gateway-world.js';

/** What older servers ask and tell on the one stream they offer a session, and not on that of the call it is about. */
let servers: Record<'streams' | 'json', AskingServer>;
let world: GatewayWorld;

beforeAll(async () => {
  servers = { streams: await startLegacyAskingServer(), json: await startLegacyAskingServer({ answersAtOnce: true }) };
  world = await startGatewayWorld([
    Document.parse({ kind: 'OutboundNetwork', name: 'default', spec: { allow: [{ host: '127.0.0.1', http: true }] } }),
    Document.parse({ kind: 'AccessPolicy', name: 'everyone', spec: { hop: 'client-to-gateway' } }),
    ...Object.entries(servers).flatMap(([name, { url }]) => [
      Document.parse({
        kind: 'McpServer',
        name,
        spec: { url, title: name, timeout: name === 'json' ? '1s' : '10s', mayAsk: { elicitation: ['form'] } },
      }),
      Document.parse({ kind: 'CredentialProvider', name, spec: { type: 'none', server: name } }),
      Document.parse({
        kind: 'AccessPolicy',
        name,
        spec: { hop: 'gateway-to-server', server: name, credentialProvider: name, tools: [{ match: ['*'] }] },
      }),
    ]),
  ]);
  world.leasing = () => ({
    type: 'granted',
    headers: {},
    connectionId: null,
    connectionRevision: 1,
    expiresInSeconds: 600,
  });
});
afterAll(async () => {
  await world?.close();
  for (const server of Object.values(servers ?? {})) await server.close();
});

/** By the user who was asked. */
let asked: [string, unknown][];
let logged: unknown[];
/** A person takes this long. */
let thought: Promise<unknown>;
beforeEach(() => {
  [asked, logged, thought] = [[], [], Promise.resolve()];
});

async function connected(user: TestUser, era: 'legacy' | 'modern'): Promise<Client> {
  const client = new Client(
    { name: 'agent', version: '1' },
    {
      capabilities: { elicitation: { form: {} } },
      ...(era === 'modern'
        ? { versionNegotiation: { mode: { pin: '2026-07-28' } } }
        : { supportedProtocolVersions: ['2025-11-25'] }),
    },
  );
  client.setRequestHandler('elicitation/create', async ({ params }) => {
    asked.push([user.subject, params.message]);
    await thought;
    return { action: 'accept', content: { name: user.subject } };
  });
  client.setNotificationHandler('notifications/message', ({ params }) => void logged.push(params.data));
  await client.connect(
    new StreamableHTTPClientTransport(new URL(world.url), {
      requestInit: { headers: { authorization: `Bearer ${await world.token(user)}` } },
    }),
  );
  return client;
}
const answerOf = async (client: Client, name: string) =>
  ((await client.callTool({ name, arguments: {} })).content as { text: string }[])[0]?.text;
const accepted = (name: string) => JSON.stringify({ action: 'accept', content: { name } });

describe.each(['legacy', 'modern'] as const)('a %s client', (era) => {
  test.each(['streams', 'json'] as const)(
    'is asked what a server that answers with %s wants to know beside the call (B5) (B6)',
    async (name) => {
      // Longer than the server of `json` may be silent: it waits for us.
      thought = new Promise((resolve) => setTimeout(resolve, 1_500));
      const client = await connected(testUser('alice'), era);
      expect(await answerOf(client, `${name}__ask-form-beside`)).toBe(accepted('alice'));
      expect(asked).toEqual([['alice', `${name} asks:\n> Your name?`]]);
      await client.close();
    },
  );
  test("is asked what its own call is about, while another user's runs at the same server (R34) (S18)", async () => {
    const [alice, bob] = [await connected(testUser('alice'), era), await connected(testUser('bob'), era)];
    const before = servers.streams.received.filter((method) => method === 'tools/call').length;
    const holding = new AbortController();
    const held = bob
      .callTool({ name: 'streams__hang', arguments: {} }, { signal: holding.signal })
      .catch(() => 'ended');
    await expect
      .poll(() => servers.streams.received.filter((method) => method === 'tools/call').length)
      .toBeGreaterThan(before);
    expect(await answerOf(alice, 'streams__ask-form-beside')).toBe(accepted('alice'));
    expect(asked).toEqual([['alice', 'streams asks:\n> Your name?']]);
    holding.abort();
    await held;
    await Promise.all([alice, bob].map((client) => client.close()));
  });
});

test('what a server logs beside the only call is told there (B5)', async () => {
  const client = await connected(testUser('carol'), 'legacy');
  await answerOf(client, 'streams__log-beside');
  expect(logged).toEqual(['beside the call']);
  await client.close();
});
