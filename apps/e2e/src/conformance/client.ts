import { fileURLToPath } from 'node:url';
import { eventually } from '@sallyport/testing';
import { signIn } from '../fuzz/sign-in.js';
import { startStandalone } from '../system/start-standalone.js';
import { SERVERS_SCOPE, serversConfiguration } from '../system/servers-configuration.js';
import { conductIn } from './client-scenarios.js';
import { connectScenarioAgent } from './connect-scenario-agent.js';
import { meetDrivers } from './meet-drivers.js';
import type { StartedScenario } from './meet-drivers.js';
import { runSuite } from './suite.js';
import type { Revision } from './suite.js';
import type { Verdicts } from './verdict.js';

const DRIVER = fileURLToPath(new URL('drive-client.js', import.meta.url));
/** Milliseconds the suite gives a client: all of them wait for one gateway to start. */
const CLIENT_TIMEOUT_MS = 120_000;

/**
 * The official suite's client scenarios, which all start at once: one gateway with all of their servers behind it, and an
 * agent that uses each through it.
 */
export async function runClientScenarios(revision: Revision, scenarios: readonly string[]): Promise<Verdicts> {
  const meeting = await meetDrivers(new Set(scenarios));
  // The shell that the suite starts its client with fills in the variables.
  const command = `${process.execPath} ${DRIVER} ${meeting.url} "$MCP_CONFORMANCE_SCENARIO" "$MCP_CONFORMANCE_CONTEXT"`;
  try {
    const verdicts = await runSuite(['client', '--command', command, '--requirements', revision, '--timeout', String(CLIENT_TIMEOUT_MS)], async (run) => {
      await eventually(() => meeting.started.size === scenarios.length, { timeoutMs: 30_000, until: 'the suite has started all of its servers' });
      await useThroughGateway(meeting.started, revision);
      await run.exited;
    });
    return new Map([...verdicts].filter(([scenario]) => scenarios.includes(scenario)));
  } finally {
    await meeting.close();
  }
}

async function useThroughGateway(started: ReadonlyMap<string, StartedScenario>, revision: Revision): Promise<void> {
  const servers = [...started].map(([scenario, { serverUrl, ...introduction }], index) => ({ ...introduction, scenario, name: `server-${index + 1}`, url: serverUrl }));
  const system = await startStandalone({ logLevel: 'fatal', configure: (demo) => serversConfiguration(servers, demo) });
  try {
    const { accessToken } = await signIn(system, SERVERS_SCOPE);
    await Promise.all(servers.map(async ({ scenario, name, context, done }) => {
      const url = new URL(`${system.gatewayUrl}/mcp/${name}`);
      const problem = await problemOf(async () => {
        const agent = await connectScenarioAgent(url, accessToken, revision);
        try {
          await conductIn(scenario)(agent, context);
        } finally {
          await agent.close();
        }
      });
      if (problem !== undefined) process.stdout.write(`  ${scenario}: the agent ended with: ${problem}\n`);
      done(problem);
    }));
  } finally {
    await system.stop();
  }
}

async function problemOf(attempt: () => Promise<void>): Promise<string | undefined> {
  try {
    await attempt();
    return undefined;
  } catch (error) {
    return String(error);
  }
}
