import { eventually } from '@sallyport/testing';
import { decodeJwt } from 'jose';
import pg from 'pg';
import { Agent as HttpAgent, request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectModernAgent } from '../agents/modern-agent.js';
import { Person } from '../agents/person.js';
import { signIn } from '../agents/sign-in.js';
import { administrator } from '../system/administrator.js';
import { startDistributed, type DistributedSystem } from '../system/start-distributed.js';

const SESSIONS = 2_500;
const CONNECTIONS = 400;

let system: DistributedSystem;
let database: pg.Client;
const connections = new HttpAgent({ connections: CONNECTIONS, pipelining: 1 });
beforeAll(async () => {
  system = await startDistributed({ gateways: 2, logLevel: 'info' });
  database = new pg.Client({ connectionString: system.databaseUrl.replace(/\?schema=.*$/, '') });
  await database.connect();
});
afterAll(async () => {
  await connections.destroy();
  await database?.end();
  await system?.stop();
});

const count = async (sql: string) => Number((await database.query<{ count: string }>(sql)).rows[0]?.count);

test('thousands of sessions that one agent closes at once hold up no revocation, no other agent and no gateway, and leave nothing to do (R64, S34)', async () => {
  const { accessToken, publicClientId } = await signIn(system);
  const bob = await connectModernAgent({
    gatewayUrl: system.gatewayUrl,
    name: 'Polite',
    redirectUri: system.redirectUri,
    person: new Person('bob', { agentRedirectUri: system.redirectUri }),
    clientMetadataUrl: system.clientMetadataUrl,
  });
  const headers = {
    host: new URL(system.gatewayUrl).host,
    authorization: `Bearer ${accessToken}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  const send = async (
    gateway: string | undefined,
    method: 'POST' | 'DELETE',
    more: Record<string, string>,
    body?: object,
  ) => {
    const answer = await request(`${gateway}/mcp`, {
      method,
      dispatcher: connections,
      headers: { ...headers, ...more },
      ...(body === undefined ? {} : { body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...body }) }),
    });
    const text = await answer.body.text();
    return {
      status: answer.statusCode,
      session: answer.headers['mcp-session-id'],
      retryAfter: answer.headers['retry-after'],
      text,
    };
  };
  const [first, second] = system.gateways;
  const begin = async () =>
    String(
      (
        await send(
          first,
          'POST',
          {},
          {
            method: 'initialize',
            params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'm', version: '1' } },
          },
        )
      ).session,
    );
  const isHeard = async (gateway: string | undefined) =>
    (
      await send(
        gateway,
        'POST',
        {},
        {
          method: 'initialize',
          params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'm', version: '1' } },
        },
      )
    ).status !== 401;
  const sessions: string[] = [];
  while (sessions.length < SESSIONS) sessions.push(...(await Promise.all(Array.from({ length: 50 }, begin))));

  const closing = Promise.all(
    sessions.map((session, index) => send(index % 2 === 0 ? first : second, 'DELETE', { 'mcp-session-id': session })),
  );
  const started = performance.now();
  const revoking = administrator(system)
    .revoke({ agent: publicClientId, reason: 'lost' })
    .then(async () => {
      await eventually(async () => !(await isHeard(first)) && !(await isHeard(second)), {
        timeoutMs: 20_000,
        intervalMs: 50,
        until: 'the revoked token is refused',
      });
      return performance.now() - started;
    });
  const called = await bob.call('whoami__whoami');
  expect(called).toMatchObject({ isError: false, text: expect.stringContaining(String(decodeJwt(bob.token()).sub)) });
  // In force while everything of the attack is still under way, on a machine that runs the attack as well.
  expect(await revoking).toBeLessThan(10_000);

  const answers = await closing;
  expect(new Set(answers.map(({ status }) => status).filter((status) => ![204, 401, 429].includes(status)))).toEqual(
    new Set(),
  );
  expect(answers.filter(({ status, retryAfter }) => status === 429 && retryAfter === undefined)).toEqual([]);
  expect(await count('SELECT count(*) FROM "EndedMcpSession"')).toBeLessThanOrEqual(2_000);
  await eventually(
    async () =>
      (await count(
        `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'`,
      )) === 0,
    { timeoutMs: 30_000, until: 'nothing is at work' },
  );
  expect((await bob.call('whoami__whoami')).isError).toBe(false);
  await bob.close();
}, 120_000);

test('a session that ended is 404 at the other gateway within a second, and still is when gateway and control plane come back (R64)', async () => {
  const { accessToken } = await signIn(system);
  const [first, second] = system.gateways;
  const headers = {
    host: new URL(system.gatewayUrl).host,
    authorization: `Bearer ${accessToken}`,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
  const post = async (gateway: string | undefined, body: object, session?: string) => {
    const answer = await request(`${gateway}/mcp`, {
      method: 'POST',
      headers: {
        ...headers,
        ...(session === undefined ? {} : { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' }),
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...body }),
    });
    await answer.body.dump();
    return answer;
  };
  const session = String(
    (
      await post(first, {
        method: 'initialize',
        params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'm', version: '1' } },
      })
    ).headers['mcp-session-id'],
  );
  const ping = async (gateway: string | undefined) => (await post(gateway, { method: 'ping' }, session)).statusCode;
  expect([await ping(first), await ping(second)]).toEqual([200, 200]);
  const ended = await request(`${first}/mcp`, { method: 'DELETE', headers: { ...headers, 'mcp-session-id': session } });
  expect(ended.statusCode).toBe(204);
  await eventually(async () => (await ping(second)) === 404, { timeoutMs: 1_000 });

  for (const name of ['control-plane', 'gateway-2']) {
    await system.kill(name);
    await system.restart(name);
  }
  expect([await ping(first), await ping(second)]).toEqual([404, 404]);
}, 120_000);
