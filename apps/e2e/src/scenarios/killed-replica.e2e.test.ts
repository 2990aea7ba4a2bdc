import { eventually } from '@sallyport/testing';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { forwardWithToken } from '../system/forward-with-token.js';
import type { Forwarder } from '../system/forward-with-token.js';
import { startLegacyEverything } from '../system/everything/start-legacy.js';
import type { EverythingServer } from '../system/everything/serve-everything.js';
import { signIn } from '../agents/sign-in.js';
import { connectLegacySdk, connectModernSdk } from '../agents/matrix-client.js';
import type { MatrixClient } from '../agents/matrix-client.js';
import { administrator } from '../system/administrator.js';
import { serversConfiguration, SERVERS_SCOPE } from '../system/servers-configuration.js';
import { startDistributed } from '../system/start-distributed.js';
import type { DistributedSystem } from '../system/start-distributed.js';

const KILLED = 'gateway-1';
const GREETING = 'This is a simple text response for testing.';

let server: EverythingServer;
let system: DistributedSystem;
/** Where the load balancer sends what comes next. */
let chosen: string;
let balancer: Forwarder;
let [first, second] = ['', ''];
const answered: { readonly gateway: string; readonly status: number | undefined }[] = [];

beforeAll(async () => {
  server = await startLegacyEverything();
  system = await startDistributed({
    gateways: 2,
    configure: (demo) => serversConfiguration([{ name: 'everything', url: server.url }], demo),
  });
  [first = '', second = ''] = system.gateways;
  chosen = first;
  balancer = await forwardWithToken({
    publicUrl: system.gatewayUrl,
    nextGateway: () => chosen,
    onAnswer: (gateway, status) => void answered.push({ gateway, status }),
  });
});
afterAll(async () => {
  await balancer?.close();
  await system?.stop();
  await server?.close();
});

/** The person behind this client thinks until told to answer. */
function hesitate({ answers }: MatrixClient): { readonly asked: Promise<void>; readonly answer: () => void } {
  const asked = Promise.withResolvers<void>();
  const decided = Promise.withResolvers<void>();
  answers.whenAsked = async () => {
    asked.resolve();
    await decided.promise;
  };
  return {
    asked: asked.promise,
    answer: () => {
      answers.whenAsked = () => Promise.resolve();
      decided.resolve();
    },
  };
}

interface Reply {
  readonly status: number | 'unreachable';
  readonly text: string;
  readonly session: string | undefined;
}

/** As a client of 2025-11-25 writes it, to one replica, under the public name. */
async function post(gateway: string, token: string, body: object, session?: string): Promise<Reply> {
  const headers = {
    host: new URL(system.gatewayUrl).host,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2025-11-25',
    authorization: `Bearer ${token}`,
    ...(session === undefined ? {} : { 'mcp-session-id': session }),
  };
  try {
    const response = await request(`${gateway}/mcp`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ jsonrpc: '2.0', ...body }),
    });
    const issued = response.headers['mcp-session-id'];
    return {
      status: response.statusCode,
      text: await response.body.text(),
      session: typeof issued === 'string' ? issued : undefined,
    };
  } catch (error) {
    return { status: 'unreachable', text: String(error), session: undefined };
  }
}

async function beginSession(gateway: string, token: string): Promise<string> {
  const { session } = await post(gateway, token, {
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'load', version: '1' } },
  });
  await post(gateway, token, { method: 'notifications/initialized' }, session);
  return session ?? expect.fail('there is no session');
}

const greet = (gateway: string, token: string, session: string) =>
  post(gateway, token, { id: 2, method: 'tools/call', params: { name: 'test_simple_text', arguments: {} } }, session);

describe('two gateways, one of them killed in the middle', () => {
  test('what waited on it is told to come again, sessions go on at the other, and no event is lost (B11, R74)', async () => {
    const { accessToken, publicClientId } = await signIn(system, SERVERS_SCOPE);
    const recorded = await signIn(system, SERVERS_SCOPE);
    const elsewhere = await forwardWithToken({ publicUrl: system.gatewayUrl, nextGateway: () => second });
    const legacy = await connectLegacySdk(new URL(balancer.url), accessToken);
    const modern = await connectModernSdk(new URL(balancer.url), accessToken, '2026-07-28');
    const bystander = await connectLegacySdk(new URL(elsewhere.url), accessToken);
    const ask = (client: MatrixClient, signal?: AbortSignal) =>
      client.call('test_elicitation', { message: 'Who are you?' }, signal === undefined ? {} : { signal });

    const thinking = [modern, legacy, bystander].map(hesitate);
    const [ofModern, ofLegacy, ofBystander] = thinking;
    const givenUp = new AbortController();
    const parked = ask(modern);
    const waiting = ask(legacy, givenUp.signal).then(
      () => 'answered',
      () => 'given up',
    );
    const elsewhereWaiting = ask(bystander);
    await Promise.all(thinking.map(({ asked }) => asked));
    const session = await beginSession(first, recorded.accessToken);
    const greetings = await Promise.all(Array.from({ length: 20 }, () => greet(first, recorded.accessToken, session)));
    expect(greetings.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    await system.kill(KILLED);
    chosen = second;
    answered.length = 0;

    const retriedAt = performance.now();
    ofModern?.answer();
    expect(await parked).toMatch(/waited for the user is gone\. The call may have been carried out: find out/);
    expect(performance.now() - retriedAt).toBeLessThan(1_000);
    expect(await ask(modern)).toContain('alice@example.com');

    const answeredAt = performance.now();
    ofLegacy?.answer();
    await eventually(() => answered.some(({ status }) => status === 503), {
      timeoutMs: 5_000,
      until: 'the answer is refused, to be given again',
    });
    expect(performance.now() - answeredAt).toBeLessThan(1_000);
    givenUp.abort();
    expect(await waiting).toBe('given up');
    expect(await legacy.call('test_simple_text', {})).toBe(GREETING);
    expect(await ask(legacy)).toContain('alice@example.com');
    ofBystander?.answer();
    expect(await elsewhereWaiting).toContain('alice@example.com');
    expect(new Set(answered.map(({ gateway }) => gateway))).toEqual(new Set([second]));

    await system.restart(KILLED);
    chosen = first;
    for (const client of [legacy, modern]) expect(await ask(client)).toContain('alice@example.com');
    const eventsOf = async (clientId: string, method: string) =>
      (await administrator(system).events({ type: 'mcp.response', clientId })).filter(
        ({ detail }) => detail?.method === method,
      );
    await eventually(async () => (await eventsOf(recorded.publicClientId, 'tools/call')).length >= greetings.length, {
      timeoutMs: 15_000,
      until: 'the spool of the killed gateway is shipped',
    });
    expect((await eventsOf(recorded.publicClientId, 'tools/call')).length).toBe(greetings.length);
    expect((await eventsOf(publicClientId, 'initialize')).length).toBe(2);
    await Promise.all([legacy, modern, bystander].map((client) => client.close()));
    await elsewhere.close();
  }, 90_000);

  test('sessions it sealed survive its restart while calls run at both (B11)', async () => {
    const { accessToken } = await signIn(system, SERVERS_SCOPE);
    const sessions = await Promise.all(
      [first, first, second, second].map((gateway) => beginSession(gateway, accessToken)),
    );
    const failures: string[] = [];
    const seen = new Map<string, number>();
    let isDown = false;
    let isLoaded = true;
    const load = Promise.all(
      sessions.map(async (session, index) => {
        for (let turn = index; isLoaded; turn++) {
          const gateway = system.gateways[turn % 2] ?? '';
          const wasDown = isDown;
          const { status, text } = await greet(gateway, accessToken, session);
          const place = `${index} at ${gateway}`;
          if (status === 200 && text.includes(GREETING)) seen.set(place, (seen.get(place) ?? 0) + 1);
          else if (!(gateway === first && (wasDown || isDown) && (status === 'unreachable' || status === 503)))
            failures.push(`${place}: ${status} ${text}`);
        }
      }),
    );
    const allAreServed = async (until: string) => {
      seen.clear();
      await eventually(
        () =>
          failures.length > 0 || (seen.size === sessions.length * 2 && [...seen.values()].every((times) => times >= 3)),
        { timeoutMs: 30_000, until },
      );
    };
    await allAreServed('every session is served at both');
    isDown = true;
    await system.kill(KILLED);
    await system.restart(KILLED);
    isDown = false;
    await allAreServed('every session is served at both again');
    isLoaded = false;
    await load;
    expect(failures).toEqual([]);
  }, 90_000);
});
