import { eventually } from '@sallyport/testing';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectModernAgent } from '../agents/modern-agent.js';
import { Person } from '../agents/person.js';
import { adminClient, writeWhoamiPolicy } from '../system/administrator.js';
import { startDistributed, type DistributedSystem } from '../system/start-distributed.js';

const LIST = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/list',
  params: {
    _meta: {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
      'io.modelcontextprotocol/clientInfo': { name: 'live-changes', version: '1' },
    },
  },
});
/** So many changes are measured. */
const CHANGES = 120;
/** The aim is 0.5 s (decision 0056 has figures). Here other tests run beside it, on as few as two cores. */
const BOUND_MS = 5_000;

let system: DistributedSystem;
let admin: ReturnType<typeof adminClient>;
let token: string;
beforeAll(async () => {
  system = await startDistributed({ gateways: 3, interruptible: true, logLevel: 'info' });
  admin = adminClient(system);
  const agent = await connectModernAgent({
    gatewayUrl: system.gatewayUrl,
    name: 'Modern Agent',
    redirectUri: system.redirectUri,
    person: new Person('alice', { agentRedirectUri: system.redirectUri }),
    clientMetadataUrl: system.clientMetadataUrl,
  });
  token = agent.token();
  await agent.close();
});
afterAll(() => system?.stop());

/** How many tools of a server one gateway lists. */
async function toolsAt(gateway: string, server: string): Promise<number> {
  const headers = {
    host: new URL(system.gatewayUrl).host,
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/list',
    authorization: `Bearer ${token}`,
  };
  const { body } = await request(`${gateway}/mcp`, { method: 'POST', body: LIST, headers });
  const { result } = (await body.json()) as { result?: { tools: { name: string }[] } };
  return result?.tools.filter(({ name }) => name.startsWith(`${server}__`)).length ?? -1;
}

/** Answered once it is in force everywhere. */
const letCall = (tool: string) => writeWhoamiPolicy(admin, { tools: [{ match: [tool], scope: 'whoami.read' }] });

const atMost = (times: readonly number[], share: number): number =>
  times.toSorted((a, b) => a - b)[Math.ceil(times.length * share) - 1] ?? Number.NaN;

describe('three gateways over NATS, PostgreSQL and Redis, a process each', () => {
  test('a change of one policy is in force at all of them well within a second, and the writer knows when (S27)', async () => {
    const times: number[] = [];
    while (times.length < CHANGES) {
      const isShown = times.length % 2 === 1;
      const begun = performance.now();
      const { live } = await letCall(isShown ? 'whoami' : 'no-such-tool');
      times.push(performance.now() - begun);
      expect(live).toMatchObject({ isLive: true, replicas: 4, behind: [] });
      // Nobody waits here: what was said to be in force is.
      const shown = await Promise.all(system.gateways.map((gateway) => toolsAt(gateway, 'whoami')));
      expect(shown).toEqual(system.gateways.map(() => (isShown ? 1 : 0)));
    }
    const shares = [0.5, 0.9, 0.99, 1].map((share) => Math.round(atMost(times, share)));
    process.stdout.write(`changes live on 3 gateways: p50, p90, p99, slowest: ${shares.join(', ')} ms\n`);
    expect(atMost(times, 0.99)).toBeLessThan(BOUND_MS);
  }, 180_000);

  test('what it says of its revision is what each of them reports (R72)', async () => {
    await letCall('whoami');
    const { configuration, replicas } = await admin.readStatus();
    await eventually(async () => (await admin.readStatus()).replicas.every(({ isBehind }) => !isBehind), {
      timeoutMs: 5_000,
      until: 'nobody is behind',
    });
    expect(configuration?.revision).toBeGreaterThan(CHANGES);
    expect(replicas.filter(({ service }) => service === 'gateway').map(({ replica }) => replica)).toEqual([
      'gateway-1',
      'gateway-2',
      'gateway-3',
    ]);
  });

  test('verify names a gateway that was killed, and a Redis that is away (R72)', async () => {
    await system.kill('gateway-3');
    await system.services?.redis.halt();
    const causes = async () => {
      const { steps } = await admin.verify({ query: {} });
      return steps.flatMap(({ subject, cause }) => (cause === null ? [] : [`${subject}: ${cause}`]));
    };
    await eventually(
      async () => {
        const now = await causes();
        return (
          now.includes('gateway/gateway-3: replica_silent') && now.includes('token-refresh-worker: queue_unreachable')
        );
      },
      { timeoutMs: 40_000, until: 'both are named' },
    );
    expect(await causes()).not.toContain('gateway: no_gateway_running');
    await system.services?.redis.resume();
    await system.restart('gateway-3');
    await eventually(async () => !(await causes()).includes('gateway/gateway-3: replica_silent'), {
      timeoutMs: 30_000,
      until: 'it is heard again',
    });
  }, 150_000);
});
