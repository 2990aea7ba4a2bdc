import { decodeJwt } from 'jose';
import { eventually, makeDpopKey } from '@sallyport/testing';
import { Client } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signIn } from '../agents/sign-in.js';
import { adminClient, administrator } from '../system/administrator.js';
import type { EverythingServer } from '../system/everything/serve-everything.js';
import { startLegacyEverything } from '../system/everything/start-legacy.js';
import { SERVERS_SCOPE, serversConfiguration } from '../system/servers-configuration.js';
import { GATEWAY, startDistributed, type DistributedSystem } from '../system/start-distributed.js';

const GREETING = 'This is a simple text response for testing.';
const LONG_MS = 30_000;

let server: EverythingServer;
let system: DistributedSystem;
let first: Connection;
let second: Connection;
let token: string;
beforeAll(async () => {
  server = await startLegacyEverything();
  system = await startDistributed({
    workers: 2,
    configure: (demo) => serversConfiguration([{ name: 'everything', url: server.url }], demo),
  });
  ({ accessToken: token } = await signIn(system, SERVERS_SCOPE));
  [first, second] = await connectToEach();
});
afterAll(async () => {
  await Promise.all([first?.close(), second?.close()]);
  await system?.stop();
  await server?.close();
});

interface Reply {
  readonly status: number;
  readonly session: string | undefined;
  /** The whole answer, once it has ended; rejects when it is cut. */
  readonly text: () => Promise<string>;
  /** What has come of it until now. */
  readonly soFar: () => string;
}

/** One connection, which one worker took and keeps. */
class Connection {
  readonly #client: Client;
  constructor() {
    this.#client = new Client(system.gateways[0] ?? '', { pipelining: 2 });
  }

  /** As a client of 2025-11-25 writes it. */
  async send(body: object, headers: Readonly<Record<string, string>> = {}): Promise<Reply> {
    const response = await this.#client.request({
      method: 'POST',
      path: '/mcp',
      headers: {
        host: new URL(system.gatewayUrl).host,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2025-11-25',
        authorization: `Bearer ${token}`,
        ...headers,
      },
      body: JSON.stringify({ jsonrpc: '2.0', ...body }),
    });
    let soFar = '';
    const whole = (async () => {
      for await (const piece of response.body) soFar += String(piece);
      return soFar;
    })();
    whole.catch(() => undefined); // whoever reads it hears of it
    const session = response.headers['mcp-session-id'];
    return {
      status: response.statusCode,
      session: typeof session === 'string' ? session : undefined,
      text: () => whole,
      soFar: () => soFar,
    };
  }

  close(): Promise<void> {
    return this.#client.destroy();
  }
}

const gatewayProcess = () =>
  system.processes().find(({ name }) => name === GATEWAY) ?? expect.fail('the gateway does not run');
const metrics = async () => await (await fetch(`${gatewayProcess().healthUrl}/metrics`)).text();
const readiness = async () => {
  const response = await fetch(`${gatewayProcess().healthUrl}/readyz`);
  const report = (await response.json()) as { status: string; reasons: string[]; services: Record<string, unknown> };
  return { ...report, httpStatus: response.status };
};
/** The calls that each worker has answered. */
async function callsOf(): Promise<readonly number[]> {
  const sums = [0, 0];
  for (const [, worker, calls] of (await metrics()).matchAll(
    /^sallyport_gateway_calls_total\{worker="(\d)".*\} (\d+)$/gm,
  ))
    sums[Number(worker) - 1] = (sums[Number(worker) - 1] ?? 0) + Number(calls);
  return sums;
}
/** The process of a worker: the newest that its log names. */
function pidOf(worker: number): number {
  const pids = system
    .logs()
    .split('\n')
    .filter((line) => line.includes('"msg":"worker running"') && line.includes(`"worker":${worker}`))
    .map((line) => (JSON.parse(line) as { pid: number }).pid);
  return pids.at(-1) ?? expect.fail(`worker ${worker} did not say that it runs`);
}
const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** Which worker has a connection: the one whose count a call on it raises. */
async function workerOf(connection: Connection): Promise<number> {
  const before = await callsOf();
  expect((await connection.send({ id: 1, method: 'ping' })).status).toBeLessThan(500);
  return await eventually(async () => {
    const raised = (await callsOf()).findIndex((calls, index) => calls > (before[index] ?? 0));
    return raised === -1 ? undefined : raised + 1;
  });
}

/** A connection to the first worker and one to the second: the supervisor hands them out in turn. */
async function connectToEach(): Promise<[Connection, Connection]> {
  const found = new Map<number, Connection>();
  await eventually(async () => {
    const connection = new Connection();
    const worker = await workerOf(connection);
    if (found.has(worker)) await connection.close();
    else found.set(worker, connection);
    return found.size === 2;
  });
  const [one, two] = [found.get(1), found.get(2)];
  return one === undefined || two === undefined ? expect.fail('one of two workers has no connection') : [one, two];
}

async function beginSession(connection: Connection): Promise<Record<string, string>> {
  const { session } = await connection.send({
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: '2025-11-25',
      capabilities: { elicitation: {} },
      clientInfo: { name: 'workers', version: '1' },
    },
  });
  const headers = { 'mcp-session-id': session ?? expect.fail('there is no session') };
  await connection.send({ method: 'notifications/initialized' }, headers);
  return headers;
}

/** A call that waits for an answer of its user. @returns the id of the question */
async function askingCall(connection: Connection, session: Record<string, string>, id: number) {
  const reply = await connection.send(
    { id, method: 'tools/call', params: { name: 'test_elicitation', arguments: { message: 'Who are you?' } } },
    session,
  );
  const question = await eventually(() => /"id":"([^"]+)"/.exec(reply.soFar())?.[1], { timeoutMs: LONG_MS });
  return { reply, question };
}

describe('one gateway of two workers', { timeout: 180_000 }, () => {
  test('one address says how both are and what both did, and the trail has one gateway (R77)', async () => {
    expect(await readiness()).toMatchObject({
      httpStatus: 200,
      status: 'ready',
      services: { 'gateway worker 1': { status: 'ready' }, 'gateway worker 2': { status: 'ready' } },
    });
    expect((await callsOf()).every((calls) => calls > 0)).toBe(true);
    expect(await metrics()).toMatch(/^sallyport_worker_running\{.*worker="2".*\} 1$/m);
    const written = async () => await administrator(system).events({ type: 'mcp.response' });
    await eventually(async () => (await written()).length >= 2);
    expect(new Set((await written()).map(({ replica }) => replica))).toEqual(new Set([GATEWAY]));
  });

  test('each worker reports for itself which revision it applies (S26)', async () => {
    const workers = async () => {
      const { configuration, replicas } = await adminClient(system).readStatus();
      return replicas.flatMap((one) =>
        one.service === 'gateway' && one.configuration?.revision === configuration?.revision
          ? [`${one.replica}.${one.worker}`]
          : [],
      );
    };
    await eventually(async () => (await workers()).length === 2, { timeoutMs: LONG_MS, until: 'both have reported' });
    expect(await workers()).toEqual([`${GATEWAY}.1`, `${GATEWAY}.2`]);
  });

  test('a session begun at one worker goes on at the other (B11)', async () => {
    const session = await beginSession(first);
    for (const connection of [second, first, second]) {
      const reply = await connection.send(
        { id: 2, method: 'tools/call', params: { name: 'test_simple_text', arguments: {} } },
        session,
      );
      expect([reply.status, await reply.text()]).toEqual([200, expect.stringContaining(GREETING)]);
    }
  });

  test('a question asked at one worker is answered at the other (B11)', async () => {
    const session = await beginSession(second);
    const { reply, question } = await askingCall(first, session, 3);
    const answer = await second.send(
      { id: question, result: { action: 'accept', content: { username: 'u', email: 'u@example.com' } } },
      session,
    );
    expect(answer.status).toBe(202);
    expect(await reply.text()).toContain('u@example.com');
  });

  test('a call at one worker is cancelled at the other (B11)', async () => {
    const session = await beginSession(second);
    const { reply } = await askingCall(first, session, 4);
    const cancelled = await second.send({ method: 'notifications/cancelled', params: { requestId: 4 } }, session);
    expect(cancelled.status).toBe(202);
    expect(await reply.text()).not.toContain('"result"');
  });

  test('a proof that one worker took is refused by the other (S7)', async () => {
    const { refreshToken, publicClientId } = await signIn(system, SERVERS_SCOPE);
    const key = await makeDpopKey();
    const tokens = await fetch(`${system.issuer}/token`, {
      method: 'POST',
      headers: { dpop: await key.prove({ method: 'POST', url: `${system.issuer}/token` }) },
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        client_id: publicClientId,
        refresh_token: refreshToken,
      }),
    });
    const { access_token: bound = '', token_type: type } = (await tokens.json()) as Record<string, string>;
    expect(type).toBe('DPoP');
    const show = async (connection: Connection, proof: string) => {
      const { status } = await connection.send(
        { id: 1, method: 'ping' },
        { authorization: `DPoP ${bound}`, dpop: proof },
      );
      return status;
    };
    // One worker tells the other a moment after it has taken a proof: until then it may be taken twice.
    await eventually(
      async () => {
        const proof = await key.prove({ method: 'POST', url: `${system.gatewayUrl}/mcp`, token: bound });
        expect(await show(first, proof)).not.toBe(401);
        expect(await show(first, proof)).toBe(401);
        return (await show(second, proof)) === 401;
      },
      { timeoutMs: LONG_MS, until: 'the other worker refuses the proof' },
    );
  });

  test('a revocation ends what runs at both workers, and is the end of the token there (S17)', async () => {
    const session = await beginSession(first);
    const calls = [await askingCall(first, session, 5), await askingCall(second, session, 6)];
    await administrator(system).revoke({ session: String(decodeJwt(token)['sid']), reason: 'test' });
    for (const { reply } of calls) expect(await reply.text()).toContain('the sign-in of this agent was ended');
    for (const connection of [first, second])
      expect((await connection.send({ id: 7, method: 'ping' }, session)).status).toBe(401);
    ({ accessToken: token } = await signIn(system, SERVERS_SCOPE));
  });

  test('a worker that is killed is started again; until then the other answers, and the container is not ready', async () => {
    const killed = pidOf(1);
    // The bus, and so the start of the next one, is where it was: only the worker is gone.
    process.kill(killed, 'SIGKILL');
    await eventually(async () => (await readiness()).status === 'not-ready', { intervalMs: 5 });
    const session = await beginSession(second);
    expect(session['mcp-session-id']).toBeTypeOf('string');
    await eventually(async () => (await readiness()).status === 'ready', { timeoutMs: LONG_MS });
    expect(pidOf(1)).not.toBe(killed);
    expect(system.logs()).toMatch(/"worker":1,[^\n]*a worker ended: it is started again/);
    expect(await metrics()).toMatch(/^sallyport_worker_restarts_total\{.*worker="1".*\} 1$/m);
    await first.close();
    [first, second] = await connectToEach();
  });

  test('a stop ends all of it, and calls hear why; the next start ships what was left', async () => {
    const pids = [gatewayProcess().pid, pidOf(1), pidOf(2)];
    const session = await beginSession(first);
    const calls = [await askingCall(first, session, 8), await askingCall(second, session, 9)];
    process.kill(gatewayProcess().pid, 'SIGTERM');
    for (const { reply } of calls) await reply.text();
    await eventually(() => !pids.some(isAlive), { timeoutMs: LONG_MS, until: 'no process is left' });
    expect(system.logs()).not.toContain('a worker that does not stop is killed');
    await system.restart(GATEWAY);
    await first.close();
    await second.close();
    [first, second] = await connectToEach();
  });

  test('nothing of it is left when its supervisor is killed, and the next start is whole', async () => {
    const pids = [pidOf(1), pidOf(2)];
    await system.kill(GATEWAY);
    await eventually(() => !pids.some(isAlive), { timeoutMs: LONG_MS, until: 'no worker is left' });
    await system.restart(GATEWAY);
    expect([pidOf(1), pidOf(2)].every(isAlive)).toBe(true);
  });
});
