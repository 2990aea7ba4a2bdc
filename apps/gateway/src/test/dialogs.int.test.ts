import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { Document } from '@sallyport/configuration';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LOGIN_URL, startLegacyAskingServer, startModernAskingServer } from './world/asking-servers.js';
import type { AskingServer } from './world/asking-servers.js';
import { startGatewayWorld, testUser } from './world/gateway-world.js';
import type { GatewayWorld, TestUser } from './world/gateway-world.js';

let servers: Record<'legacy' | 'modern', AskingServer>;
let world: GatewayWorld;
const everything = { elicitation: ['form', 'url'], sampling: true, roots: true, urlOrigins: ['https://login.example'] };

const serverDocument = (name: string, mayAsk?: object) =>
  Document.parse({
    kind: 'McpServer',
    name,
    spec: {
      url: servers[name as 'legacy'].url,
      title: name === 'legacy' ? 'Old' : 'New',
      timeout: '5s',
      ...(mayAsk === undefined ? {} : { mayAsk }),
    },
  });
const documents = () => [
  Document.parse({ kind: 'OutboundNetwork', name: 'default', spec: { allow: [{ host: '127.0.0.1', http: true }] } }),
  Document.parse({ kind: 'AccessPolicy', name: 'everyone', spec: { hop: 'client-to-gateway' } }),
  ...['legacy', 'modern'].flatMap((name) => [
    serverDocument(name, everything),
    Document.parse({ kind: 'CredentialProvider', name, spec: { type: 'none', server: name } }),
    Document.parse({
      kind: 'AccessPolicy',
      name,
      spec: { hop: 'gateway-to-server', server: name, credentialProvider: name, tools: [{ match: ['*'] }] },
    }),
  ]),
];

beforeAll(async () => {
  servers = { legacy: await startLegacyAskingServer(), modern: await startModernAskingServer() };
  world = await startGatewayWorld(documents());
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

/** What the user was asked, as the client shows it; and what the user answers. */
let asked: { method: string; params: Record<string, unknown> }[];
let choice: { action: 'accept' | 'decline' | 'cancel'; content?: Record<string, string> };
beforeEach(() => {
  asked = [];
  choice = { action: 'accept', content: { name: 'Ada' } };
});
const sampled = { role: 'assistant' as const, model: 'm', content: { type: 'text' as const, text: 'Hello' } };
const roots = { roots: [{ uri: 'file:///home/ada' }] };
const note = (method: string, params: object | undefined) => asked.push({ method, params: { ...params } });

interface Asking {
  call(name: string): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}
const all = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };

async function legacyClient(
  user: TestUser,
  { capabilities = all, url = world.url }: { capabilities?: object; url?: string } = {},
): Promise<Asking & { client: LegacyClient; transport: LegacyTransport; token: string }> {
  const client = new LegacyClient({ name: 'v1', version: '1' }, { capabilities });
  if ('elicitation' in capabilities)
    client.setRequestHandler(ElicitRequestSchema, ({ method, params }) => {
      note(method, params);
      return choice;
    });
  if ('sampling' in capabilities)
    client.setRequestHandler(CreateMessageRequestSchema, ({ method, params }) => {
      note(method, params);
      return sampled;
    });
  if ('roots' in capabilities)
    client.setRequestHandler(ListRootsRequestSchema, ({ method, params }) => {
      note(method, params);
      return roots;
    });
  const token = await world.token(user);
  const transport = new LegacyTransport(new URL(url), {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
  });
  await client.connect(transport);
  return {
    client,
    transport,
    token,
    call: async (name) => resultOf(await client.callTool({ name, arguments: {} })),
    close: () => client.close(),
  };
}

async function modernClient(
  user: TestUser,
  { capabilities = all, url = world.url }: { capabilities?: object; url?: string } = {},
): Promise<Asking & { client: Client }> {
  const client = new Client(
    { name: 'v2', version: '1' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } }, capabilities },
  );
  if ('elicitation' in capabilities)
    client.setRequestHandler('elicitation/create', ({ method, params }) => {
      note(method, params);
      return choice;
    });
  if ('sampling' in capabilities)
    client.setRequestHandler('sampling/createMessage', ({ method, params }) => {
      note(method, params);
      return sampled;
    });
  if ('roots' in capabilities)
    client.setRequestHandler('roots/list', ({ method, params }) => {
      note(method, params);
      return roots;
    });
  await client.connect(
    new StreamableHTTPClientTransport(new URL(url), {
      requestInit: { headers: { authorization: `Bearer ${await world.token(user)}` } },
    }),
  );
  return {
    client,
    call: async (name) => resultOf(await client.callTool({ name, arguments: {} })),
    close: () => client.close(),
  };
}

const textOf = (result: unknown) => (result as { content: { text: string }[] }).content.map(({ text }) => text).join();
function resultOf(result: unknown): Record<string, unknown> {
  const text = textOf(result);
  return text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : { text };
}

const clients = { legacy: legacyClient, modern: modernClient };
const combinations = (['legacy', 'modern'] as const).flatMap((client) =>
  (['legacy', 'modern'] as const).map((server) => [client, server] as const),
);

describe.each(combinations)('a %s client and a %s server', (clientEra, serverEra) => {
  const alice = testUser('alice');
  const connect = (options: { capabilities?: object } = {}) => clients[clientEra](alice, options);
  const tool = (name: string) => `${serverEra}__${name}`;
  const title = serverEra === 'legacy' ? 'Old' : 'New';
  /** The server's own answer, whatever the keys it asked by. */
  const answers = (result: Record<string, unknown>) =>
    serverEra === 'modern'
      ? Object.values(Object.fromEntries(Object.entries(result).filter(([key]) => key !== 'state')))
      : [result];

  test('a form reaches the user with the name of the server, and the answer the server (B5, S18)', async () => {
    const client = await connect();
    const result = await client.call(tool('ask-form'));
    expect(world.log()).not.toContain('between replicas');
    expect(asked).toMatchObject([
      {
        method: 'elicitation/create',
        params: {
          message: `${title} asks:\n> Your name?`,
          requestedSchema: { type: 'object', properties: { name: { type: 'string' } } },
        },
      },
    ]);
    expect(answers(result)).toEqual([choice]);
    if (serverEra === 'modern') expect(result['state']).toBe('a word only the server knows');
    await client.close();
  });
  test('what poses as Sallyport or as another server is visibly the words of the one that asks, in the form too (S18)', async () => {
    const client = await connect();
    expect(answers(await client.call(tool('ask-posing')))).toEqual([choice]);
    expect(asked[0]?.params).toMatchObject({
      message: `${title} asks:\n> Done.\n>\n> Sallyport asks:\n> Your password, to go on`,
      requestedSchema: {
        type: 'object',
        properties: {
          name: {
            type: 'string',
            title: `${title}: Name Sallyport asks: password`,
            description: `${title}: Bank asks: PIN`,
            minLength: 1,
          },
        },
        required: ['name'],
      },
    });
    expect(JSON.stringify(asked[0]?.params)).not.toMatch(/pattern|x-note|\u2028/);
    await client.close();
  });
  test.each(['decline', 'cancel'] as const)('a user who chooses to %s is asked once (B5)', async (action) => {
    choice = { action };
    const client = await connect();
    expect(answers(await client.call(tool('ask-form')))).toEqual([{ action }]);
    expect(asked).toHaveLength(1);
    await client.close();
  });
  test('two questions at once get both answers (B5)', async () => {
    const client = await connect();
    const result = await client.call(tool('ask-twice'));
    expect(asked.map(({ params }) => params['message'])).toEqual([`${title} asks:\n> One?`, `${title} asks:\n> Two?`]);
    expect(
      JSON.stringify(result).match(/Ada/g) ?? textOf({ content: [{ text: result['text'] }] }).match(/Ada/g),
    ).toHaveLength(2);
    await client.close();
  });
  test('the model and the roots of the client are at its service, without the context of other servers (B5, S18)', async () => {
    const client = await connect();
    expect(answers(await client.call(tool('ask-model')))).toMatchObject([sampled]);
    expect(answers(await client.call(tool('ask-roots')))).toEqual([roots]);
    expect(asked.map(({ method }) => method)).toEqual(['sampling/createMessage', 'roots/list']);
    expect(asked[0]?.params).not.toHaveProperty('includeContext');
    expect(asked[0]?.params['systemPrompt']).toBe(`${title} asks the model of this client, through Sallyport.`);
    await client.close();
  });
  test('a URL of another origin than the listed ones is not shown (S18)', async () => {
    const client = await connect();
    const result = await client.call(tool('ask-foreign-url'));
    expect(asked).toEqual([]);
    expect(JSON.stringify(result)).not.toContain('evil.example');
    expect(JSON.stringify(result)).toMatch(/refused|not allowed/);
    await client.close();
  });
  test('the server is told what the client declared and policy allows, and nothing else (S18)', async () => {
    const client = await connect({ capabilities: { elicitation: { form: {} } } });
    await client.call(tool('ask-form'));
    expect(servers[serverEra].declared.at(-1)).toEqual({ elicitation: { form: {} } });
    const refused = await client.call(tool('ask-roots')).catch((error: unknown) => ({ text: String(error) }));
    expect(JSON.stringify(refused)).toMatch(/not allowed|cannot be asked|must declare/);
    await client.close();
  });
  test('nothing is asked of the user unless policy says so (S18)', async () => {
    await world.change({ puts: [serverDocument(serverEra)] });
    const client = await connect();
    await expect
      .poll(async () => {
        const before = asked.length;
        await client.call(tool('ask-form')).catch(() => undefined);
        return asked.length - before;
      })
      .toBe(0);
    expect(servers[serverEra].declared.at(-1)).toEqual({});
    await world.change({ puts: [serverDocument(serverEra, everything)] });
    await expect
      .poll(async () => {
        await client.call(tool('ask-form')).catch(() => undefined);
        return asked.length;
      })
      .toBeGreaterThan(0);
    await client.close();
  });
});

describe('a page the server wants visited', () => {
  const bob = testUser('bob');
  test('is asked for by the means of each era (B2, S18)', async () => {
    const modern = await modernClient(bob);
    expect(await modern.call('modern__ask-url')).toMatchObject({ visit: { action: 'accept' } });
    expect(asked).toMatchObject([
      { method: 'elicitation/create', params: { mode: 'url', url: LOGIN_URL, message: 'New asks:\n> Sign in' } },
    ]);
    await modern.close();
    const legacy = await legacyClient(bob);
    expect(await legacy.call('legacy__ask-url')).toMatchObject({ action: 'accept' });
    expect(asked.at(-1)).toMatchObject({ params: { mode: 'url', url: LOGIN_URL, message: 'Old asks:\n> Sign in' } });
    await expect(legacy.client.callTool({ name: 'modern__ask-url', arguments: {} })).rejects.toMatchObject({
      code: -32042,
      data: { elicitations: [{ mode: 'url', url: LOGIN_URL, message: 'New asks:\n> Sign in' }] },
    });
    await legacy.close();
  });
});
