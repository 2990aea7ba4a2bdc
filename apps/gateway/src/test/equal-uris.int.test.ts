import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Document } from '@sallyport/configuration';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import { startGatewayWorld, testUser } from './world/gateway-world.js';
import type { GatewayWorld, TestUser } from './world/gateway-world.js';
import { startStubServer } from './world/stub-server.js';
import type { StubServer } from './world/stub-server.js';

let files: StubServer;
let world: GatewayWorld;

beforeAll(async () => {
  files = await startStubServer();
  const narrow = ['file:///srv/private/**', 'https://x.example/private/**', 'note://topics/private/**'];
  const documents = [
    { kind: 'OutboundNetwork', name: 'default', spec: { allow: [{ host: '127.0.0.1', http: true }] } },
    { kind: 'McpServer', name: 'files', spec: { url: files.url, timeout: '5s' } },
    { kind: 'CredentialProvider', name: 'files', spec: { type: 'mcp-user-oauth', server: 'files' } },
    { kind: 'AccessPolicy', name: 'everyone', spec: { hop: 'client-to-gateway' } },
    {
      kind: 'AccessPolicy',
      name: 'files',
      spec: {
        hop: 'gateway-to-server',
        server: 'files',
        credentialProvider: 'files',
        resources: [{ match: ['**'] }, { match: narrow, roles: ['boss'] }],
      },
    },
  ];
  world = await startGatewayWorld(documents.map((document) => Document.parse(document)));
  world.leasing = (_request, user) => ({
    type: 'granted',
    headers: { authorization: `Bearer down-${user.userId}` },
    connectionId: 'con_files',
    connectionRevision: 1,
    expiresInSeconds: 600,
  });
});
afterAll(async () => {
  await world?.close();
  await files?.close();
});

function newUser(subject: string): TestUser {
  const user = testUser(subject);
  files.bearers.set(`Bearer down-${user.userId}`, subject);
  return user;
}
const send = async (user: TestUser, method: string, params: Record<string, unknown>) =>
  (await postByHand(world.url, await world.token(user), modernRequest(method, params))).json;
const sentDownstream = (method: string) =>
  files.seen.filter(({ body }) => body.method === method).map(({ body }) => body.params['uri']);

/** Forms of `file:///srv/private/key` and of `https://x.example/private/key`, and the part that gives each away. */
const EQUAL: readonly (readonly [uri: string, part: string, normal: string | undefined])[] = [
  ['file:///srv/%70rivate/key', 'percent-encoding', 'file:///srv/private/key'],
  ['FILE:///srv/private/key', 'scheme', 'file:///srv/private/key'],
  ['file://localhost/srv/private/key', 'host', 'file:///srv/private/key'],
  ['file:///srv//private/key', 'path', undefined],
  ['file:///srv/./private/key', 'path', 'file:///srv/private/key'],
  ['file:///srv/public/../private/key', 'path', 'file:///srv/private/key'],
  ['file:///srv\\private/key', 'characters', undefined],
  ['file:///srv%2Fprivate/key', 'path', undefined],
  ['file:///srv/pri\tvate/key', 'characters', undefined],
  ['https://X.example/private/key', 'host', 'https://x.example/private/key'],
  ['https://x.example:443/private/key', 'port', 'https://x.example/private/key'],
  ['https://me@x.example/private/key', 'user information', undefined],
  ['https:/x.example/private/key', 'host', undefined],
];

test.each(EQUAL)(
  '%j is not read, subscribed to or listened to: the agent is told of its %s, and that its form is %s (S13)',
  async (uri, part, normal) => {
    const user = newUser('alice');
    const told = {
      code: -32602,
      message: expect.stringContaining(`see its ${part}`) as string,
      data: { part, ...(normal === undefined ? {} : { normal: `via-files+${normal}` }) },
    };
    const before = files.seen.length;
    expect((await send(user, 'resources/read', { uri: `via-files+${uri}` }))?.error).toEqual(told);
    expect(
      (await send(user, 'subscriptions/listen', { notifications: { resourceSubscriptions: [`via-files+${uri}`] } }))
        ?.error,
    ).toEqual(told);
    const client = new LegacyClient({ name: 'v1', version: '1' });
    await client.connect(
      new LegacyTransport(new URL(world.url), {
        requestInit: { headers: { authorization: `Bearer ${await world.token(user)}` } },
      }),
    );
    await expect(client.subscribeResource({ uri: `via-files+${uri}` })).rejects.toMatchObject({
      code: -32602,
      message: expect.stringContaining(`see its ${part}`) as string,
    });
    await client.close();
    expect(
      files.seen
        .slice(before)
        .filter(({ body }) => body.method.startsWith('resources/') || body.method.startsWith('subscriptions/')),
    ).toEqual([]);
  },
);

test('what a narrow rule reserves is absent in its normal form and where a server would read it so; the rest is sent as it is (S13) (S15)', async () => {
  const user = newUser('bob');
  for (const uri of ['file:///srv/private/key', 'note://topics/private%2Fkey', 'note://topics%2Fprivate/key'])
    expect((await send(user, 'resources/read', { uri: `via-files+${uri}` }))?.error).toMatchObject({
      message: expect.stringMatching(/^Unknown resource, or none/),
    });
  const open = ['file:///srv/public/key', 'gitlab://projects/group%2Fproject', 'file:///srv/my%20file'];
  for (const uri of open) await send(user, 'resources/read', { uri: `via-files+${uri}` });
  expect(sentDownstream('resources/read')).toEqual(open);
});

test("a server's own forms are shown as they may be asked for, and its content is passed whatever its URI (S13)", async () => {
  const user = newUser('carol');
  files.misbehave = ({ body }) => {
    const result =
      body.method === 'resources/list'
        ? {
            resources: [
              { uri: 'file:///my file.txt', name: 'a' },
              { uri: 'file:///a//b', name: 'b' },
            ],
          }
        : body.method === 'resources/read'
          ? {
              contents: [
                { uri: 'file:///my file.txt', text: 'x' },
                { uri: 'C:\\x', text: 'y' },
              ],
            }
          : undefined;
    return (
      result && {
        status: 200,
        body: JSON.stringify({ jsonrpc: '2.0', id: body.id, result: { resultType: 'complete', ...result } }),
      }
    );
  };
  expect((await send(user, 'resources/list', {}))?.result?.['resources']).toEqual([
    { uri: 'via-files+file:///my%20file.txt', name: 'a' },
  ]);
  expect(
    (await send(user, 'resources/read', { uri: 'via-files+file:///my%20file.txt' }))?.result?.['contents'],
  ).toEqual([
    { uri: 'via-files+file:///my%20file.txt', text: 'x' },
    { uri: 'via-files:C%3A%5Cx', text: 'y' },
  ]);
  files.misbehave = undefined;
});

test('suggestions for a template are held to what its resources ask for, and a template in another form is refused (S13)', async () => {
  const user = newUser('dave');
  const complete = async (uri: string) =>
    await send(user, 'completion/complete', {
      ref: { type: 'ref/resource', uri: `via-files+${uri}` },
      argument: { name: 'topic', value: '' },
    });
  expect((await complete('note://topics/{topic}'))?.error).toMatchObject({
    message: expect.stringMatching(/^Unknown resource, or none/),
  });
  expect((await complete('NOTE://topics/{topic}'))?.error).toMatchObject({ data: { part: 'scheme' } });
  expect(files.seen.some(({ body }) => body.method === 'completion/complete')).toBe(false);
});
