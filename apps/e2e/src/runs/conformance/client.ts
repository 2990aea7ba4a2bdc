import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually, makeScratch, removeScratch } from '@sallyport/testing';
import { z } from 'zod';
import { signIn } from '../../agents/sign-in.js';
import { startStandalone } from '../../system/start-standalone.js';
import { SERVERS_SCOPE, serversConfiguration } from '../../system/servers-configuration.js';
import type { ConfiguredServer } from '../../system/servers-configuration.js';
import { conductIn } from './client-scenarios.js';
import { connectScenarioAgent } from './connect-scenario-agent.js';
import { meetDrivers } from './meet-drivers.js';
import type { StartedScenario } from './meet-drivers.js';
import { runSuite } from './suite.js';
import type { Revision } from './suite.js';
import type { Verdicts } from './verdict.js';
import { CROSS_APP_ACCESS, vouchInTheirStead } from './vouch-in-their-stead.js';
import type { Vouching } from './vouch-in-their-stead.js';

const DRIVER = fileURLToPath(new URL('drive-client.js', import.meta.url));
/** Milliseconds the suite gives a client: all of them wait for one gateway to start. */
const CLIENT_TIMEOUT_MS = 120_000;

/**
 * The official suite's client scenarios, which all start at once: one gateway with all of their servers behind it, and
 * an agent that uses each through it.
 */
export async function runClientScenarios(revision: Revision, scenarios: readonly string[]): Promise<Verdicts> {
  const meeting = await meetDrivers(new Set(scenarios));
  // The shell that the suite starts its client with fills in the variables.
  const command = `${process.execPath} ${DRIVER} ${meeting.url} "$MCP_CONFORMANCE_SCENARIO" "$MCP_CONFORMANCE_CONTEXT"`;
  let problems: ReadonlyMap<string, string> = new Map();
  try {
    const verdicts = await runSuite(
      ['client', '--command', command, '--requirements', revision, '--timeout', String(CLIENT_TIMEOUT_MS)],
      async (run) => {
        await eventually(() => meeting.started.size === scenarios.length, {
          timeoutMs: 30_000,
          until: 'the suite has started all of its servers',
        });
        problems = await useThroughGateway(meeting.started, revision);
        await run.exited;
      },
    );
    const explained = (scenario: string, verdict: string | undefined) =>
      verdict !== undefined && problems.has(scenario) ? `${verdict} (the agent: ${problems.get(scenario)})` : verdict;
    return new Map(
      [...verdicts].flatMap(([scenario, verdict]) =>
        scenarios.includes(scenario) ? [[scenario, explained(scenario, verdict)] as const] : [],
      ),
    );
  } finally {
    await meeting.close();
  }
}

/**
 * @returns how the agent failed where it did, which is as it should be where the scenario's server deserves no trust
 */
async function useThroughGateway(
  started: ReadonlyMap<string, StartedScenario>,
  revision: Revision,
): Promise<ReadonlyMap<string, string>> {
  const problems = new Map<string, string>();
  const secrets = makeScratch('conformance-clients');
  const servers = [...started].map(([scenario, { serverUrl, ...introduction }], index) => ({
    ...introduction,
    scenario,
    name: `server-${index + 1}`,
    url: serverUrl,
  }));
  const vouching: Vouching[] = [];
  const configured = await Promise.all(
    servers.map(async ({ scenario, name, url, context }): Promise<ConfiguredServer> => {
      if (scenario !== CROSS_APP_ACCESS)
        return { name, url, ...(scenario.startsWith('auth/') ? credentialFor(context, join(secrets, name)) : {}) };
      const theirs = await vouchInTheirStead(url, context, join(secrets, name));
      vouching.push(theirs);
      return { name, url, ...theirs.credential };
    }),
  );
  const system = await startStandalone({
    logLevel: 'fatal',
    configure: (demo) => serversConfiguration(configured, demo),
  });
  try {
    const { accessToken } = await signIn(system, SERVERS_SCOPE);
    await Promise.all(
      servers.map(async ({ scenario, name, context, done }) => {
        const url = new URL(`${system.gatewayUrl}/mcp/${name}`);
        const problem = await problemOf(async () => {
          const agent = await connectScenarioAgent(url, accessToken, revision);
          try {
            await conductIn(scenario)(agent, context);
          } finally {
            await agent.close();
          }
        });
        if (problem !== undefined) problems.set(scenario, problem);
        done(problem);
      }),
    );
    return problems;
  } finally {
    await system.stop();
    await Promise.all(vouching.map((one) => one.close()));
    removeScratch(secrets);
  }
}

const Registration = z.object({ issuer: z.string(), client_id: z.string(), client_secret: z.string() });

/** Discovered and registered by ourselves, unless the suite says how we are registered. */
function credentialFor(
  context: StartedScenario['context'],
  secretFile: string,
): Pick<ConfiguredServer, 'credential' | 'client'> {
  const { data: registration } = Registration.safeParse(context);
  if (registration === undefined) return { credential: 'mcp-user-oauth' };
  writeFileSync(secretFile, registration.client_secret, { mode: 0o600 });
  return {
    credential: 'mcp-user-oauth',
    client: { issuer: registration.issuer, clientId: registration.client_id, secretFile },
  };
}

async function problemOf(attempt: () => Promise<void>): Promise<string | undefined> {
  try {
    await attempt();
    return undefined;
  } catch (error) {
    return String(error);
  }
}
