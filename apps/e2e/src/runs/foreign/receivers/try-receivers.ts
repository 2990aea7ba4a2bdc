import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { demoConfiguration } from '@sallyport/demo';
import { makeScratch, removeScratch } from '@sallyport/testing';
import { stringify } from 'yaml';
import type { Agent } from '../../../agents/agent.js';
import { connectLegacyAgent } from '../../../agents/legacy-agent.js';
import { connectModernAgent } from '../../../agents/modern-agent.js';
import { Person } from '../../../agents/person.js';
import { adminClient, administrator } from '../../../system/administrator.js';
import { startDistributed, type DistributedSystem } from '../../../system/start-distributed.js';
import { prepareProgram } from '../peer-program.js';
import { COLLECTOR, COLLECTOR_SECRETS, startCollector } from './collector.js';
import { preparePrometheus, PROMETHEUS } from './prometheus.js';
import type { AgentTrace, Deployment, Receiver } from './receiver.js';
import { S3_GATEWAY, S3_SECRETS, startS3Gateway } from './s3-gateway.js';

/** By the word that selects it. */
const STARTERS: Readonly<Record<string, (folder: string) => Promise<Receiver>>> = {
  [COLLECTOR]: startCollector,
  [S3_GATEWAY]: startS3Gateway,
  [PROMETHEUS]: preparePrometheus,
};
export const RECEIVERS = Object.keys(STARTERS);
/** Prometheus comes from Debian. */
const BUILT: readonly string[] = [COLLECTOR, S3_GATEWAY];

/** What came of all of them. `missing`: some could not run, their language is not on this machine. */
export interface ReceiversOutcome {
  readonly passed: number;
  readonly failed: number;
  readonly missing: number;
}

/** Receivers of events, traces and metrics that others wrote, behind one deployment of four processes. */
export async function tryReceivers(names: readonly string[], say: (line: string) => void): Promise<ReceiversOutcome> {
  const scratch = makeScratch('receivers');
  const outcome = { passed: 0, failed: 0, missing: 0 };
  const receivers: Receiver[] = [];
  try {
    for (const name of names) {
      const begun = await begin(name, scratch);
      if (begun.type === 'ready') {
        receivers.push(begun.receiver);
        say(`  ${name}: prepared in ${begun.seconds.toFixed(1)} s`);
      } else {
        say(`${begun.type === 'missing' ? '–' : '✗'} ${name}: not run: ${begun.reason}`);
        outcome[begun.type] += 1;
      }
    }
    if (receivers.length > 0) await checkAll(receivers, say, outcome);
    return outcome;
  } finally {
    await Promise.all(receivers.map((receiver) => receiver.stop()));
    removeScratch(scratch);
  }
}

type Begun =
  | { readonly type: 'ready'; readonly receiver: Receiver; readonly seconds: number }
  | { readonly type: 'missing' | 'failed'; readonly reason: string };

async function begin(name: string, scratch: string): Promise<Begun> {
  const began = performance.now();
  const preparation = BUILT.includes(name) ? await prepareProgram(name) : undefined;
  if (preparation !== undefined && preparation.type !== 'ready') return preparation;
  const folder = join(scratch, name);
  mkdirSync(folder);
  try {
    const receiver = await (STARTERS[name] as (folder: string) => Promise<Receiver>)(folder);
    return { type: 'ready', receiver, seconds: (performance.now() - began) / 1000 };
  } catch (error) {
    return { type: 'failed', reason: error instanceof Error ? error.message : String(error) };
  }
}

async function checkAll(
  receivers: readonly Receiver[],
  say: (line: string) => void,
  outcome: { passed: number; failed: number },
): Promise<void> {
  const system = await startDistributed({
    logLevel: 'info',
    workers: 2,
    env: {
      ...COLLECTOR_SECRETS,
      ...S3_SECRETS,
      ...Object.assign({}, ...receivers.map(({ env }) => env)),
    },
    configure: (demo) => {
      const documents = receivers.flatMap((receiver) => receiver.documents);
      const allowed = receivers.flatMap(({ ports }) => ports).join(', ');
      const network = allowed === '' ? '' : `\n    - { host: 127.0.0.1, ports: [${allowed}], http: true }\n`;
      return `${documents.map((document) => `${stringify(document)}---\n`).join('')}${demoConfiguration(demo).trimEnd()}${network}`;
    },
  });
  try {
    const deployment = await enter(system);
    for (const receiver of receivers) await checkOne(receiver, deployment, say, outcome);
  } finally {
    await system.stop();
  }
}

async function checkOne(
  { name, checks }: Receiver,
  deployment: Deployment,
  say: (line: string) => void,
  outcome: { passed: number; failed: number },
): Promise<void> {
  const began = performance.now();
  const problems: string[] = [];
  for (const { what, run } of checks)
    await run(deployment).then(
      () => (outcome.passed += 1),
      (error: unknown) => {
        outcome.failed += 1;
        problems.push(`    ${what}: ${error instanceof Error ? error.message : String(error)}`);
      },
    );
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  say(`${problems.length === 0 ? '✓' : '✗'} ${name}: ${checks.map(({ what }) => what).join(', ')}, ${seconds} s`);
  for (const problem of problems) say(problem);
}

/** Signs alice in with an agent of each revision. */
async function enter(system: DistributedSystem): Promise<Deployment> {
  const person = new Person('alice', { agentRedirectUri: system.redirectUri });
  const agents = [
    { revision: '2025-11-25', agent: await connectLegacyAgent({ ...system, name: 'Legacy Agent', person }) },
    { revision: '2026-07-28', agent: await connectModernAgent({ ...system, name: 'Modern Agent', person }) },
  ] as const;
  const client = adminClient(system);
  return {
    system,
    call: () => Promise.all(agents.map(({ revision, agent }) => callOf(revision, agent))),
    async enterAnew() {
      const agent = await connectModernAgent({ ...system, name: 'New Agent', person });
      await agent.call('whoami__whoami');
      await agent.close();
    },
    trail: () => administrator(system).events(),
    test: (name) => client.testLogStream({ params: { name } }),
    lastError: async (name) => (await client.readLogStream({ params: { name } })).lastError?.said,
  };
}

async function callOf(revision: AgentTrace['revision'], agent: Agent): Promise<AgentTrace> {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  await agent.call('whoami__whoami', {}, { traceparent: `00-${traceId}-${spanId}-01` });
  return { revision, traceId, spanId };
}
