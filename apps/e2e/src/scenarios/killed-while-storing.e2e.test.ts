import { connectDatabase } from '@sallyport/database';
import { newId } from '@sallyport/kernel';
import { ensureDeploymentKeys, loadMasterKey, Sealer } from '@sallyport/keys';
import { eventually } from '@sallyport/testing';
import pg from 'pg';
import { request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPlainServer, type PlainServer } from '../system/plain-server.js';
import { serversConfiguration } from '../system/servers-configuration.js';
import { signedTokens } from '../system/signed-tokens.js';
import { startDistributed, type DistributedSystem } from '../system/start-distributed.js';

/** Until another control plane has its turn, and the events are stored. A time-out of the bus is no part of it. */
const STORED_MS = 20_000;

let server: PlainServer;
let system: DistributedSystem;
let observer: pg.Client;
let token: string;

beforeAll(async () => {
  server = await startPlainServer();
  system = await startDistributed({
    controlPlanes: 2,
    logLevel: 'info',
    configure: (demo) => serversConfiguration([{ name: 'plain', url: server.url }], demo),
  });
  observer = await connectTo(system.databaseUrl);
  const sealer = new Sealer(loadMasterKey((await ensureDeploymentKeys(system.keys, { gateways: [] })).master));
  const database = connectDatabase(system.databaseUrl);
  const user = newId('usr');
  const signing = { database, sealer, issuer: system.issuer, audience: `${system.gatewayUrl}/mcp` };
  token = (await signedTokens([user], signing)).get(user) ?? '';
  await database.$disconnect();
});
afterAll(async () => {
  await observer?.end();
  await system?.stop();
  await server?.stop();
});

async function connectTo(databaseUrl: string): Promise<pg.Client> {
  const url = new URL(databaseUrl);
  url.search = '';
  const client = new pg.Client({ connectionString: url.toString() });
  await client.connect();
  return client;
}

/** @returns the id of its trace */
async function call(number: number): Promise<string> {
  const traceId = number.toString(16).padStart(32, '0');
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
    traceparent: `00-${traceId}-00f067aa0ba902b7-00`,
  };
  const params = { name: 'echo', arguments: { text: 'hello' }, _meta };
  const { statusCode, body } = await request(`${system.gateways[0]}/mcp`, {
    method: 'POST',
    headers: {
      host: new URL(system.gatewayUrl).host,
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'echo',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: number, method: 'tools/call', params }),
  });
  expect([statusCode, await body.text()]).toEqual([200, expect.stringContaining('5 characters')]);
  return traceId;
}

const storedOf = async (traceIds: readonly string[]) =>
  (
    await observer.query<{ type: string; trace: string; n: string }>(
      `SELECT "type", "body"->>'traceId' AS trace, "body"->>'n' AS n FROM "Event"
       WHERE "body"->>'traceId' = ANY($1) ORDER BY "sequence"`,
      [traceIds],
    )
  ).rows;
const takingNow = async () =>
  (await observer.query<{ holder: string }>('SELECT "holder" FROM "EventIntake" WHERE "heldUntil" > now()')).rows[0]
    ?.holder ?? '';
/** Whether somebody is about to store events, and waits for our lock. */
const isInHand = async () => {
  const waiting = `SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%INSERT INTO "Event"%'`;
  return (await observer.query(waiting)).rows.length > 0;
};

test.each(['SIGKILL', 'SIGSTOP'] as const)(
  'a control plane that ends by %s with events in its hands delays them by seconds: they are stored once, in order (R74, B24)',
  async (signal) => {
    const first = signal === 'SIGKILL' ? 1 : 1_001;
    const before = await call(first);
    await eventually(async () => (await storedOf([before])).length === 2, { timeoutMs: STORED_MS });
    const holder = await eventually(async () => (await takingNow()) || false, { timeoutMs: STORED_MS });
    const { pid } = system.processes().find(({ name }) => name === holder) ?? expect.fail(`${holder} does not run`);

    const lock = await connectTo(system.databaseUrl);
    await lock.query('BEGIN; LOCK TABLE "Event" IN SHARE MODE');
    const calls = [before, await call(first + 1)];
    await eventually(isInHand, { timeoutMs: STORED_MS, until: 'a control plane is about to store the event' });
    for (let number = first + 2; number < first + 10; number++) calls.push(await call(number));
    if (signal === 'SIGKILL') await system.kill(holder);
    else process.kill(pid, 'SIGSTOP');
    await lock.end();

    await eventually(async () => (await storedOf(calls)).length >= 2 * calls.length, {
      timeoutMs: STORED_MS,
      until: 'every event is stored',
    });
    const stored = await storedOf(calls);
    expect(stored.map(({ type, trace }) => `${type} ${trace}`)).toEqual(
      calls.flatMap((trace) => [`mcp.request ${trace}`, `mcp.response ${trace}`]),
    );
    const numbers = stored.map(({ n }) => Number(n));
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    if (signal === 'SIGSTOP') {
      process.kill(pid, 'SIGCONT');
      calls.push(await call(first + 10));
      await eventually(async () => (await storedOf(calls)).length >= 2 * calls.length, { timeoutMs: STORED_MS });
      expect((await storedOf(calls)).length).toBe(2 * calls.length);
    } else await system.restart(holder);
  },
  120_000,
);
