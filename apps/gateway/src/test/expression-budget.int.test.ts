import { Document } from '@sallyport/configuration';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import { startGatewayWorld, testUser } from './world/gateway-world.js';
import type { GatewayWorld } from './world/gateway-world.js';
import { startStubServer } from './world/stub-server.js';
import type { StubServer } from './world/stub-server.js';

let notes: StubServer;
let world: GatewayWorld;

beforeAll(async () => {
  notes = await startStubServer();
  const documents = [
    { kind: 'OutboundNetwork', name: 'default', spec: { allow: [{ host: '127.0.0.1', http: true }] } },
    { kind: 'AccessPolicy', name: 'everyone', spec: { hop: 'client-to-gateway' } },
    ...[
      ['listed', { when: 'tool.arguments.recipients.all(r, r in tool.arguments.approved)' }],
      ['open', {}],
    ].flatMap(([name, condition]) => [
      { kind: 'McpServer', name, spec: { url: notes.url, timeout: '5s' } },
      { kind: 'CredentialProvider', name, spec: { type: 'mcp-user-oauth', server: name } },
      {
        kind: 'AccessPolicy',
        name,
        spec: {
          hop: 'gateway-to-server',
          server: name,
          credentialProvider: name,
          tools: [{ match: ['*'] }],
          ...(condition as object),
        },
      },
    ]),
  ];
  world = await startGatewayWorld(documents.map((document) => Document.parse(document)));
  world.leasing = (_request, user) => ({
    type: 'granted',
    headers: { authorization: `Bearer down-${user.userId}` },
    connectionId: 'con_notes',
    connectionRevision: 1,
    expiresInSeconds: 600,
  });
});
afterAll(async () => {
  await world?.close();
  await notes?.close();
});

test("a call with more than its policy's expression may go through is denied, costs no more than one without, and is recorded and logged once a minute (S29)", async () => {
  const user = testUser('alice');
  notes.bearers.set(`Bearer down-${user.userId}`, 'alice');
  const token = await world.token(user);
  // 682 KiB, as an attack once sent.
  const recipients = Array.from({ length: 15_000 }, (_, index) => `r${index}@company.example`);
  const call = async (server: string) => {
    const started = performance.now();
    const { json } = await postByHand(
      world.url,
      token,
      modernRequest('tools/call', {
        name: `${server}__whoami`,
        arguments: { recipients, approved: [...recipients].reverse() },
      }),
    );
    return { json, ms: performance.now() - started };
  };
  for (const server of ['open', 'listed']) await call(server); // their catalogues are read
  const [open, listed] = [await call('open'), await call('listed')];
  expect(open.json?.result).toMatchObject({ content: [{ text: 'alice' }] });
  expect(JSON.stringify(listed.json)).toContain('not allowed by policy');
  expect(listed.ms).toBeLessThan(open.ms * 3 + 500);
  await expect
    .poll(() =>
      world.records
        .filter(({ reason }) => reason === 'denied:expression_over_budget')
        .map(({ decision, policies }) => [decision, policies?.gatewayToServer]),
    )
    .toEqual([
      ['deny', 'listed'],
      ['deny', 'listed'],
    ]);
  expect(world.log().match(/shown more than it may go through/g)).toHaveLength(1);
  expect(
    (
      await postByHand(
        world.url,
        token,
        modernRequest('tools/call', {
          name: 'listed__whoami',
          arguments: { recipients: recipients.slice(0, 100), approved: recipients.slice(0, 100) },
        }),
      )
    ).json?.result,
  ).toMatchObject({ content: [{ text: 'alice' }] });
});
