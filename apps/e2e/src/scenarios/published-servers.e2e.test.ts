import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Agent } from '../agents/agent.js';
import { connectLegacyAgent } from '../agents/legacy-agent.js';
import { connectModernAgent } from '../agents/modern-agent.js';
import { Person } from '../agents/person.js';
import { DRAWN, startPublishedServers } from './published-servers.js';
import type { RunningServers } from './published-servers.js';
import { serversConfiguration } from '../system/servers-configuration.js';
import { startStandalone } from '../system/start-standalone.js';
import type { System } from '../system/system.js';

/** One tool of each server and arguments it answers without calling anybody outside; what its own answer holds. */
const calls = [
  { tool: 'everything__echo', args: { message: 'through the gateway' }, holds: 'through the gateway' },
  { tool: 'everything__get-sum', args: { a: 2, b: 40 }, holds: '42' },
  { tool: 'budget__get-budget-data', args: {}, holds: 'budget' },
  { tool: 'chart__generate_pie_chart', args: { data: [{ category: 'a', value: 1 }] }, holds: DRAWN },
  { tool: 'brave__brave_web_search', args: {}, holds: 'query' },
];

describe('servers from npm that nobody here wrote, behind the gateway (R55, R66)', () => {
  let published: RunningServers;
  let system: System;
  const agents = new Map<string, Agent>();

  beforeAll(async () => {
    published = await startPublishedServers();
    system = await startStandalone({
      logLevel: 'fatal',
      configure: (demo) =>
        serversConfiguration(
          published.servers.map((server) => ({ ...server, credential: 'none' })),
          demo,
        ),
    });
    const person = () => new Person('alice', { agentRedirectUri: system.redirectUri });
    agents.set('2025-11-25', await connectLegacyAgent({ ...system, name: 'Legacy Agent', person: person() }));
    agents.set('2026-07-28', await connectModernAgent({ ...system, name: 'Modern Agent', person: person() }));
  });
  afterAll(async () => {
    await Promise.all([...agents.values()].map((agent) => agent.close()));
    await system?.stop();
    await published?.stop();
  });

  describe.each(['2025-11-25', '2026-07-28'])('to a client of %s', (revision) => {
    const agent = (): Agent => agents.get(revision) ?? expect.fail('no agent');

    test("one list holds the tools of all of them, each with its server's prefix (R56, R57)", async () => {
      const names = await agent().toolNames();
      for (const { name } of published.servers)
        expect(names.filter((tool) => tool.startsWith(`${name}__`)).length, name).toBeGreaterThan(0);
      for (const { tool } of calls) expect(names).toContain(tool);
    });

    test.each(calls)('$tool is answered by its server (R59)', async ({ tool, args, holds }) => {
      const { text } = await agent().call(tool, args);
      expect(text.toLowerCase()).toContain(holds);
    });
  });
});
