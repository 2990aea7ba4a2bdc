import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { connectDatabase, type Database } from '@sallyport/database';
import { newId } from '@sallyport/kernel';
import { ensureDeploymentKeys, loadMasterKey, Sealer } from '@sallyport/keys';
import { eventually, repositoryRoot, spawnApp } from '@sallyport/testing';
import type { SpawnedApp } from '@sallyport/testing';
import { request } from 'undici';
import { administrator } from '../../system/administrator.js';
import { serversConfiguration } from '../../system/servers-configuration.js';
import { signedTokens } from '../../system/signed-tokens.js';
import { startDistributed, type DistributedSystem } from '../../system/start-distributed.js';
import type { Attack, AttackCounts } from './attack.js';
import { percentile, spawnPoliteUser, type PoliteUser } from './polite-user.js';
import { readProcesses, watchProcesses } from './watch-processes.js';

export interface OverloadOptions {
  readonly gateways: number;
  /** Of each act. */
  readonly seconds: number;
  /** MCP sessions the abusive agent begins, then ends at once. */
  readonly sessions: number;
  /** Agents that close at once, each of another user. */
  readonly polite: number;
  /** Requests without a token, a second, to each of the listeners' doors. */
  readonly perSecond: number;
  /** What another user's p99 may be, given that of an idle system, in milliseconds; three times as much unless said. */
  readonly allowedP99?: (idle: number) => number;
  readonly onProgress?: (line: string) => void;
}

export interface ActReport {
  readonly act: string;
  readonly answers: AttackCounts;
  /** Of another user's calls meanwhile; milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Slowest of an administrator's revocations, from the request to the last gateway that refuses; milliseconds. */
  readonly revokedWithin: number;
  readonly peakMebibytes: Readonly<Record<string, number>>;
  readonly degraded: readonly string[];
}

export interface OverloadReport {
  readonly idle: { readonly p50: number; readonly p99: number };
  readonly acts: readonly ActReport[];
  readonly problems: readonly string[];
}

const CALLS_PER_SECOND = 20;
const REVOKE_EVERY_MS = 3_000;
const REVOKED_WITHIN_MS = 1_000;
const SLOWER = 3;
/** A timer of the measuring process may be off by this. */
const LEAST_P99_MS = 20;
/** What one process may need more than it needed before. */
const GROWTH_MEBIBYTES = 384;
/** After an act, everything is idle within this. */
const REST_MS = 30_000;
const IDLE_WINDOW_MS = 5_000;
/** Of one core, while nothing is asked of it. */
const IDLE_SHARE = 0.25;

interface World {
  readonly system: DistributedSystem;
  readonly host: string;
  readonly tokens: (users: readonly string[], clientId?: string) => Promise<ReadonlyMap<string, string>>;
  readonly other: PoliteUser;
}

/**
 * What a system of several processes does while somebody asks too much of it: an administrator's revocation is in
 * force, another user's calls are answered, every replica stays ready, memory is bounded, and afterwards there is rest
 * (S32–S34).
 */
export async function overload(options: OverloadOptions): Promise<OverloadReport> {
  const { allowedP99 = (p99) => Math.max(SLOWER * p99, LEAST_P99_MS), onProgress = () => undefined } = options;
  const [quiet, busy] = await Promise.all([spawnPlainServer('others'), spawnPlainServer('attackers')]);
  const system = await startDistributed({
    gateways: options.gateways,
    logLevel: 'info',
    configure: (demo) =>
      serversConfiguration(
        [
          { name: 'quiet', url: quiet.url },
          { name: 'busy', url: busy.url },
        ],
        demo,
      ),
  });
  const database = connectDatabase(system.databaseUrl);
  let other: PoliteUser | undefined;
  try {
    const world = await prepare(system, database);
    other = world.other;
    const idle = await idleService(world, options.seconds);
    onProgress(`idle: p50 ${ms(idle.p50)}, p99 ${ms(idle.p99)}`);
    const acts: ActReport[] = [];
    const problems: string[] = [];
    for (const [act, attacks] of Object.entries(await actsOf(world, options))) {
      const played = await play(world, act, attacks, options.seconds);
      onProgress(describe(played.report));
      acts.push(played.report);
      problems.push(...played.problems, ...judge(played.report, allowedP99(idle.p99)));
      problems.push(...(await restless(system)).map((what) => `${REST_MS / 1000} s after ${act}: ${what}`));
    }
    return { idle, acts, problems };
  } finally {
    await other?.close();
    await database.$disconnect();
    await system.stop();
    await Promise.all([quiet.app.stop(), busy.app.stop()]);
  }
}

/**
 * A server is somebody else's machine: a process of its own. That of the attackers steps back as they do, and the one
 * that is timed is kept busy by nothing else.
 */
async function spawnPlainServer(
  of: 'attackers' | 'others',
): Promise<{ readonly url: string; readonly app: SpawnedApp }> {
  const app = await spawnApp({
    entry: 'apps/e2e/dist/runs/overload/server-process.js',
    args: [of],
    readyPattern: /http:\S+\n/,
  });
  return { url: app.stdout().trim(), app };
}

async function prepare(system: DistributedSystem, database: Database): Promise<World> {
  const sealer = new Sealer(loadMasterKey((await ensureDeploymentKeys(system.keys, { gateways: [] })).master));
  const signing = { database, sealer, issuer: system.issuer, audience: `${system.gatewayUrl}/mcp` };
  const tokens: World['tokens'] = (users, clientId) =>
    signedTokens(users, { ...signing, ...(clientId === undefined ? {} : { clientId }) });
  const { host } = new URL(system.gatewayUrl);
  const someone = newId('usr');
  const other = spawnPoliteUser(system.gateways, host, (await tokens([someone])).get(someone) ?? '');
  return { system, host, tokens, other };
}

async function idleService({ other }: World, seconds: number): Promise<{ p50: number; p99: number }> {
  const warming = other.callSteadily(CALLS_PER_SECOND);
  await pause(3_000);
  await warming.stop();
  const calling = other.callSteadily(CALLS_PER_SECOND);
  await pause(seconds * 1000);
  const { milliseconds, failures } = await calling.stop();
  if (Object.keys(failures).length > 0)
    throw new Error(`Nothing was asked of it, and it failed: ${JSON.stringify(failures)}`);
  return { p50: percentile(milliseconds, 0.5), p99: percentile(milliseconds, 0.99) };
}

/** By name, what is done at the same time. */
async function actsOf(
  { system, host, tokens }: World,
  { seconds, sessions, polite, perSecond }: OverloadOptions,
): Promise<Record<string, readonly Attack[]>> {
  const { gateways, authorizationServers, controlPlaneUrl, issuer } = system;
  const [abuser, heavy] = [newId('usr'), newId('usr')];
  const abusers = await tokens([abuser, heavy]);
  const crowd = await tokens(Array.from({ length: polite }, () => newId('usr')));
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const json = { 'content-type': 'application/json' };
  const mcp = gateways.flatMap(
    (origin) =>
      [
        {
          origin,
          method: 'POST',
          path: '/mcp',
          headers: { host, ...json },
          body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
        },
        { origin, method: 'POST', path: '/mcp', headers: { host, ...json, authorization: 'Bearer a.b.c' }, body: '{}' },
        { origin, method: 'DELETE', path: '/mcp', headers: { host, 'mcp-session-id': 'nothing' } },
      ] as const,
  );
  const authorization = authorizationServers.flatMap((origin) => {
    const own = { host: new URL(issuer).host };
    const random = encodeURIComponent('https://agent-{n}.invalid/client.json').replaceAll('%7Bn%7D', '{n}');
    return [
      { origin, method: 'POST', path: '/token', headers: { ...own, ...form }, body: 'a' },
      { origin, method: 'GET', path: `/authorize?client_id=${random}&response_type=code`, headers: own },
      {
        origin,
        method: 'POST',
        path: '/register',
        headers: { ...own, ...json },
        body: '{"redirect_uris":["https://a.invalid/"]}',
      },
      { origin, method: 'POST', path: '/par', headers: { ...own, ...form }, body: 'client_id=a' },
    ] as const;
  });
  const controlPlane = [
    { origin: controlPlaneUrl, method: 'POST', path: '/connect/x', headers: form, body: `a=${'b'.repeat(2_000)}` },
    { origin: controlPlaneUrl, method: 'GET', path: '/v1/events', headers: { authorization: 'Bearer nobody' } },
    { origin: controlPlaneUrl, method: 'GET', path: '/account' },
  ] as const;
  const health = system
    .processes()
    .map(({ healthUrl }) => ({ origin: healthUrl, method: 'GET', path: '/metrics' }) as const);
  const common = { gateways: [...gateways], host, seconds };
  const stalling = [
    ...mcp
      .slice(0, 1)
      .map((shot) => ({ ...shot, headers: { ...shot.headers, authorization: `Bearer ${abusers.get(heavy)}` } })),
    ...authorization.slice(0, 1),
    ...controlPlane.slice(0, 1),
  ];
  return {
    'an abusive agent': [{ type: 'sessions', ...common, tokens: [abusers.get(abuser) ?? ''], each: sessions }],
    'polite agents closing at once': [{ type: 'sessions', ...common, tokens: [...crowd.values()], each: 1 }],
    'a flood without a token': [
      { type: 'flood', seconds, perSecond, shots: [...mcp, ...authorization, ...controlPlane, ...health] },
      { type: 'stalled', seconds, count: 150, bytes: 1_000_000, shots: stalling },
    ],
    "a user's worst hour": [{ type: 'heavy', ...common, token: abusers.get(heavy) ?? '', concurrency: 300 }],
  };
}

async function play(
  { system, host, tokens, other }: World,
  act: string,
  attacks: readonly Attack[],
  seconds: number,
): Promise<{ report: ActReport; problems: string[] }> {
  const before = await readProcesses(system.processes().map(({ pid }) => pid));
  const watching = watchProcesses(system.processes());
  const calling = other.callSteadily(CALLS_PER_SECOND);
  const problems: string[] = [];
  const revokedWithin: number[] = [];
  const attacking = Promise.all(attacks.map(attackFrom));
  const until = Date.now() + seconds * 1000;
  do {
    await pause(REVOKE_EVERY_MS);
    revokedWithin.push(
      await revokeOne({ system, host, tokens }).catch((error: unknown) => {
        problems.push(`${act}: a revocation failed: ${String(error)}`);
        return Infinity;
      }),
    );
  } while (Date.now() < until);
  const answers = await attacking;
  const { milliseconds, failures } = await calling.stop();
  const { peakMebibytes, notReady, degraded } = await watching.stop();
  for (const [what, count] of Object.entries(failures))
    problems.push(`${act}: ${count} of another user's ${milliseconds.length} calls got ${what}`);
  problems.push(...notReady.slice(0, 5).map((what) => `${act}: ${what}`));
  for (const { name, pid } of system.processes()) {
    const growth = (peakMebibytes[name] ?? 0) - (before.get(pid)?.mebibytes ?? 0);
    if (growth > GROWTH_MEBIBYTES) problems.push(`${act}: ${name} grew by ${Math.round(growth)} MiB`);
  }
  return {
    problems,
    report: {
      act,
      answers: merged(answers),
      p50: percentile(milliseconds, 0.5),
      p99: percentile(milliseconds, 0.99),
      revokedWithin: Math.max(...revokedWithin),
      peakMebibytes,
      degraded,
    },
  };
}

/** @returns milliseconds from the administrator's request until every gateway refuses that agent's token */
async function revokeOne({ system, host, tokens }: Pick<World, 'system' | 'host' | 'tokens'>): Promise<number> {
  const [user, agent] = [newId('usr'), `https://${newId('evt').replace('_', '-').toLowerCase()}.test/client.json`];
  const token = (await tokens([user], agent)).get(user) ?? '';
  const statusAt = async (gateway: string): Promise<number> => {
    const headers = {
      host,
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    };
    const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
    const { statusCode, body: answer } = await request(`${gateway}/mcp`, {
      method: 'POST',
      headers,
      body,
      headersTimeout: 10_000,
    });
    await answer.dump();
    return statusCode;
  };
  for (const gateway of system.gateways) {
    const status = await statusAt(gateway);
    if (status !== 200) throw new Error(`${gateway} answered ${status} before the agent was revoked`);
  }
  const began = performance.now();
  await administrator(system).revoke({ agent });
  await Promise.all(
    system.gateways.map((gateway) =>
      eventually(async () => (await statusAt(gateway)) === 401, {
        timeoutMs: 20_000,
        intervalMs: 25,
        until: `${gateway} refuses the revoked agent`,
      }),
    ),
  );
  return performance.now() - began;
}

/** In a process of its own. */
async function attackFrom(wanted: Attack): Promise<AttackCounts> {
  const child = spawn(process.execPath, [resolve(repositoryRoot, 'apps/e2e/dist/runs/overload/attacker.js')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(JSON.stringify(wanted));
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  const code = await new Promise<number | null>((settle, reject) => child.once('close', settle).once('error', reject));
  if (code !== 0) throw new Error(`An attacker ended with ${code}.`);
  return JSON.parse(said) as AttackCounts;
}

function merged(all: readonly AttackCounts[]): AttackCounts {
  const sum: AttackCounts = {};
  for (const counts of all) for (const [what, count] of Object.entries(counts)) sum[what] = (sum[what] ?? 0) + count;
  return sum;
}

function judge({ act, p99, revokedWithin }: ActReport, bound: number): string[] {
  return [
    ...(p99 > bound ? [`${act}: another user's p99 was ${ms(p99)}, more than ${ms(bound)}`] : []),
    ...(revokedWithin > REVOKED_WITHIN_MS ? [`${act}: a revocation was in force after ${ms(revokedWithin)}`] : []),
  ];
}

/** What is still going on once there should be rest. */
async function restless(system: DistributedSystem): Promise<string[]> {
  const processes = system.processes();
  const busy = async (): Promise<string[]> => {
    const used = () => readProcesses(processes.map(({ pid }) => pid));
    const before = await used();
    await pause(IDLE_WINDOW_MS);
    const after = await used();
    const working = processes.flatMap(({ name, pid }) => {
      const share =
        ((after.get(pid)?.cpuSeconds ?? Infinity) - (before.get(pid)?.cpuSeconds ?? 0)) / (IDLE_WINDOW_MS / 1000);
      return share > IDLE_SHARE ? [`${name} uses ${Math.round(share * 100)} % of a core`] : [];
    });
    const unwell = await Promise.all(
      processes.map(async ({ name, healthUrl }) => {
        const { status, reasons } = (await (await fetch(`${healthUrl}/readyz`)).json()) as {
          status: string;
          reasons: readonly string[];
        };
        return status === 'ready' ? [] : [`${name} is ${status}: ${reasons.join(', ')}`];
      }),
    );
    return [...working, ...unwell.flat()];
  };
  const until = Date.now() + REST_MS;
  let what = await busy();
  while (what.length > 0 && Date.now() < until) what = await busy();
  return what;
}

const ms = (milliseconds: number) => `${Math.round(milliseconds * 10) / 10} ms`;

function describe({ act, answers, p50, p99, revokedWithin, peakMebibytes, degraded }: ActReport): string {
  const said = Object.entries(answers)
    .map(([what, count]) => `${what} ×${count}`)
    .join(', ');
  const memory = Object.entries(peakMebibytes)
    .map(([name, mebibytes]) => `${name} ${Math.round(mebibytes)}`)
    .join(', ');
  return `${act}: p50 ${ms(p50)}, p99 ${ms(p99)}, revoked within ${ms(revokedWithin)}; answers ${said}; peak MiB ${memory}${degraded.length > 0 ? `; degraded: ${degraded.join(', ')}` : ''}`;
}
