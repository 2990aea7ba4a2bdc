import { connectDatabase } from '@sallyport/database';
import { newId } from '@sallyport/kernel';
import { ensureDeploymentKeys, loadMasterKey, Sealer } from '@sallyport/keys';
import { eventually } from '@sallyport/testing';
import { request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectLegacyAgent } from '../agents/legacy-agent.js';
import { Person } from '../agents/person.js';
import { startPlainServer, type PlainServer } from '../system/plain-server.js';
import { administrator } from '../system/administrator.js';
import { serversConfiguration } from '../system/servers-configuration.js';
import { signedTokens } from '../system/signed-tokens.js';
import { startDistributed, type DistributedSystem } from '../system/start-distributed.js';

// The table of docs/architecture.md, "When things fail", line by line on one running system.

const REFUSED = 'refused';
let servers: readonly PlainServer[];
let system: DistributedSystem;
let newToken: () => Promise<string>;
let warm: string;

beforeAll(async () => {
  servers = await Promise.all([startPlainServer(), startPlainServer()]);
  system = await startDistributed({
    gateways: 2,
    logLevel: 'info',
    interruptible: true,
    configure: (demo) =>
      serversConfiguration(
        servers.map(({ url }, index) => ({ name: index === 0 ? 'one' : 'two', url })),
        demo,
      ),
  });
  const sealer = new Sealer(loadMasterKey((await ensureDeploymentKeys(system.keys, { gateways: [] })).master));
  const database = connectDatabase(system.databaseUrl);
  const users = Array.from({ length: 40 }, () => newId('usr'));
  const tokens = [
    ...(
      await signedTokens(users, { database, sealer, issuer: system.issuer, audience: `${system.gatewayUrl}/mcp` })
    ).values(),
  ];
  await database.$disconnect();
  newToken = () => Promise.resolve(tokens.pop() ?? '');
  warm = await newToken();
  for (const gateway of system.gateways) expect(await call(warm, gateway)).toBe('5 characters');
});
afterAll(async () => {
  await system?.stop();
  await Promise.all((servers ?? []).map((server) => server.stop()));
});

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};
async function ask(
  token: string,
  gateway: string,
  method: string,
  params: Record<string, unknown>,
): Promise<{
  result?: { isError?: boolean; content?: { text: string }[]; tools?: { name: string }[] };
  error?: { message: string };
}> {
  const { body } = await request(`${gateway}/mcp`, {
    method: 'POST',
    headersTimeout: 30_000,
    headers: {
      host: new URL(system.gatewayUrl).host,
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(typeof params['name'] === 'string' ? { 'mcp-name': params['name'] } : {}),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: META } }),
  });
  return (await body.json()) as Awaited<ReturnType<typeof ask>>;
}

/** What the tool said, or what the refusal says. */
async function call(token: string, gateway = system.gateways[0] ?? '', tool = 'one__echo'): Promise<string> {
  const { result, error } = await ask(token, gateway, 'tools/call', { name: tool, arguments: { text: 'hello' } });
  return result?.content?.[0]?.text ?? error?.message ?? '';
}
/** Somebody's first call: it needs a credential that nobody has leased yet. */
const firstCall = async (): Promise<string> => await call(await newToken());
const listed = async (token: string): Promise<string[]> =>
  ((await ask(token, system.gateways[0] ?? '', 'tools/list', {})).result?.tools ?? []).map(({ name }) => name).sort();

async function signIn(): Promise<string> {
  try {
    const redirectUri = 'http://127.0.0.1:43117/callback';
    const agent = await connectLegacyAgent({
      gatewayUrl: system.gatewayUrl,
      name: 'Agent',
      redirectUri,
      person: new Person('alice', { agentRedirectUri: redirectUri }),
    });
    await agent.close();
    return 'signed in';
  } catch {
    return REFUSED;
  }
}
const administer = (): Promise<string> =>
  administrator(system)
    .events({ type: 'configuration.changed' })
    .then(
      () => 'answered',
      () => REFUSED,
    );
const revoke = (): Promise<string> =>
  administrator(system)
    .revoke({ agent: `https://${newId('evt').replace('_', '-')}.test/client.json` })
    .then(
      () => 'answered',
      () => REFUSED,
    );

async function readiness(name: string): Promise<string> {
  const found = system.processes().find((process) => process.name === name);
  const response = await fetch(`${found?.healthUrl}/readyz`);
  const { status, reasons } = (await response.json()) as { status: string; reasons: string[] };
  return `${status}: ${reasons.join('; ')}`;
}
const says = (name: string, what: RegExp) =>
  eventually(
    async () => what.test(await readiness(name)) || Promise.reject(new Error(`${name} says ${await readiness(name)}`)),
    { timeoutMs: 60_000 },
  );
const isWell = () => Promise.all(system.processes().map(({ name }) => says(name, /^ready: $/)));

const TRY_AGAIN = /cannot be obtained at the moment\. Try again/;

test('the control plane is down: warm calls and sign-in go on, new leases and administration wait, and the gateway says so (B15)', async () => {
  await system.kill('control-plane');
  await says('gateway-1', /^degraded: .*no sign of life of the control plane/);
  expect(await call(warm)).toBe('5 characters');
  expect(await signIn()).toBe('signed in');
  expect(await firstCall()).toMatch(TRY_AGAIN);
  expect(await administer()).toBe(REFUSED);
  await system.restart('control-plane');
  await isWell();
  expect([await firstCall(), await administer(), await revoke()]).toEqual(['5 characters', 'answered', 'answered']);
}, 120_000);

test('the bus is down: warm calls go on, new leases wait, and both sides say so (B15)', async () => {
  await system.services?.nats.halt();
  await Promise.all([
    says('gateway-1', /^degraded: .*the bus is not connected/),
    says('control-plane', /^degraded: .*the bus is not connected/),
  ]);
  expect(await call(warm)).toBe('5 characters');
  expect(await firstCall()).toMatch(TRY_AGAIN);
  await system.services?.nats.resume();
  await isWell();
  expect(await firstCall()).toBe('5 characters');
  // What was recorded meanwhile waited in the spool.
  await eventually(async () => (await administrator(system).events({ type: 'mcp.request' })).length >= 4, {
    timeoutMs: 20_000,
  });
}, 120_000);

test('PostgreSQL is down: warm calls and tokens that we sign go on, sign-in and administration wait (B15)', async () => {
  await system.services?.postgres.halt();
  expect(await call(warm)).toBe('5 characters');
  expect([await signIn(), await firstCall()]).toEqual([REFUSED, '5 characters']);
  expect(await revoke()).toBe(REFUSED);
  await says('control-plane', /^degraded: .*the configuration cannot be published/);
  expect(await call(warm)).toBe('5 characters');
  await system.services?.postgres.resume();
  await isWell();
  expect([await signIn(), await firstCall(), await revoke()]).toEqual(['signed in', '5 characters', 'answered']);
}, 120_000);

test('Redis is down: everything goes on, and the worker says that it cannot look for what is due (B15)', async () => {
  await system.services?.redis.halt();
  await says('token-refresh-worker', /^(degraded|not-ready): ./);
  expect([await call(warm), await firstCall(), await signIn(), await revoke()]).toEqual([
    '5 characters',
    '5 characters',
    'signed in',
    'answered',
  ]);
  await system.services?.redis.resume();
  await isWell();
}, 120_000);

test('the authorization server is down: tokens are good until they expire, also ones never seen before, and nobody signs in (B15)', async () => {
  await system.kill('authorization-server');
  expect([await call(warm), await firstCall(), await signIn(), await revoke()]).toEqual([
    '5 characters',
    '5 characters',
    REFUSED,
    'answered',
  ]);
  await system.restart('authorization-server');
  await isWell();
  expect(await signIn()).toBe('signed in');
}, 120_000);

test('a gateway is down: the other one serves everybody (B15)', async () => {
  await system.kill('gateway-1');
  const other = system.gateways[1];
  expect([await call(warm, other), await call(await newToken(), other)]).toEqual(['5 characters', '5 characters']);
  await system.restart('gateway-1');
  await isWell();
  expect(await call(warm)).toBe('5 characters');
}, 120_000);

test('a server is down: the others go on, and listings leave its entries out (B15)', async () => {
  expect(await listed(await newToken())).toEqual(['one__echo', 'one__wait', 'two__echo', 'two__wait']);
  await servers[1]?.stop();
  expect(await call(warm)).toBe('5 characters');
  expect(await call(warm, undefined, 'two__echo')).toMatch(/not available/);
  expect(await listed(await newToken())).toEqual(['one__echo', 'one__wait']);
}, 120_000);

test('the identity provider is down: agents that are signed in go on, and nobody signs in (B15)', async () => {
  await system.demo.close();
  expect([await call(warm), await firstCall(), await signIn()]).toEqual(['5 characters', '5 characters', REFUSED]);
}, 120_000);
