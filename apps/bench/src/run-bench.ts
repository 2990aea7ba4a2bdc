import { writeFileSync } from 'node:fs';
import { spawnApp, type SpawnedApp } from '@sallyport/testing';
import { z } from 'zod';
import type { Load } from './load/load.js';
import { nodeLoad } from './load/node-load.js';
import { findWrk } from './load/wrk.js';
import { measureCold, type ColdFigures } from './cold/measure-cold.js';
import { drawCharts } from './report/draw-charts.js';
import { failuresOf, SMOKE_GATE } from './report/gate.js';
import { hottestOf, profileClock } from './report/profile.js';
import { summarise, type ScenarioFigures } from './report/summarise.js';
import { textOf, textOfCold } from './report/text.js';
import { runCurve, type CurvePoint } from './run-curve.js';
import { runScenario, type Contestant, type RunOptions } from './run-scenario.js';
import { scenarios } from './scenarios/scenarios.js';
import type { Scenario } from './scenarios/scenario.js';
import { startNginx } from './subjects/nginx.js';
import { startDistributedProduct, startStandaloneProduct, type Product } from './subjects/product.js';
import type { Subject } from './subjects/subject.js';

export interface BenchOptions {
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
  readonly seconds: number;
  /** Few short rounds, the distributed product only, held to {@link SMOKE_GATE}. */
  readonly smoke: boolean;
  readonly subjects: readonly Subject['name'][];
  /** Whether starts and first answers are timed too. */
  readonly cold: boolean;
  /** A folder for charts of throughput and latency against load, if they are wanted. */
  readonly charts?: string | undefined;
  /** Where the results are written, if anywhere. */
  readonly json?: string | undefined;
  /** A folder for the profile of one process of the distributed product. */
  readonly profile?: { readonly folder: string; readonly process: string } | undefined;
}

const PROGRAM = 'apps/bench/dist/role.js';
const Served = z.object({ served: z.int() });
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** @returns what the product failed for, one sentence each */
export async function runBench(options: BenchOptions): Promise<readonly string[]> {
  const stops: (() => Promise<unknown>)[] = [];
  try {
    const load = await findLoad();
    const upstream = await startRole('upstream');
    stops.push(() => upstream.app.stop());
    const bare = await startRole('bare-proxy', upstream.origin);
    stops.push(() => bare.app.stop());
    const forwarders: Subject[] = [
      {
        name: 'bare',
        title: 'bare Fastify + undici proxy',
        origin: bare.origin,
        pid: bare.app.pid,
        stop: async () => void (await bare.app.stop()),
      },
    ];
    const nginx = options.subjects.includes('nginx') ? await findNginx(upstream.origin) : undefined;
    if (nginx !== undefined) {
      stops.push(() => nginx.stop());
      forwarders.push(nginx);
    }
    say(`${options.rounds} rounds of ${options.seconds} s for each subject, in turn; load from ${load.name}`);
    return await measureAll(options, { load, upstream: upstream.origin, forwarders });
  } finally {
    for (const stop of stops.toReversed()) await stop();
  }
}

interface Surroundings {
  readonly load: Load;
  /** Its origin. */
  readonly upstream: string;
  /** What is measured besides the product. */
  readonly forwarders: readonly Subject[];
}

async function measureAll(options: BenchOptions, surroundings: Surroundings): Promise<readonly string[]> {
  const { load, upstream } = surroundings;
  const failures: string[] = [];
  const figures: ScenarioFigures[] = [];
  const firstLoad = profileClock();
  const running: RunOptions = {
    load,
    rounds: options.rounds,
    seconds: options.seconds,
    halfLoadRounds: options.smoke ? 1 : options.rounds,
    served: async () => Served.parse(await (await fetch(`${upstream}/served`)).json()).served,
    onProgress: say,
  };
  for (const group of byConfiguration(options.scenarios)) {
    await withProducts(group[0], options, surroundings, async (contestants) => {
      for (const scenario of group) {
        const summary = summarise(await runScenario(scenario, contestants, running));
        figures.push(summary);
        say(textOf(summary));
        for (const subject of summary.subjects) {
          const gate = options.smoke && subject.name === 'distributed' ? SMOKE_GATE : undefined;
          failures.push(...failuresOf(scenario.name, subject, gate));
        }
      }
    });
  }
  const hot = scenarios.find(({ name }) => name === 'hot-modern');
  let curve: readonly CurvePoint[] = [];
  if (options.charts !== undefined && hot !== undefined) {
    const folder = options.charts;
    await withProducts(hot, options, surroundings, async (contestants) => {
      curve = await runCurve(hot, contestants, running);
      drawCharts(folder, curve);
    });
  }
  const cold = options.cold ? await measureCold(upstream, options.rounds, say) : undefined;
  if (cold !== undefined) {
    say(textOfCold(cold));
    if (cold.wrong.length > 0)
      failures.push(`cold: ${cold.wrong.length} first answers are not as asked, such as ${cold.wrong[0]}`);
  }
  if (options.profile !== undefined) say(hottestOf(options.profile.folder, firstLoad));
  if (options.json !== undefined)
    writeFileSync(options.json, `${JSON.stringify(resultsOf(figures, cold, curve), null, 2)}\n`);
  return failures;
}

/** Starts the products that a scenario wants, for as long as `use` takes. */
async function withProducts(
  { configuration, comparedWith }: Scenario,
  { subjects, profile }: BenchOptions,
  { upstream, forwarders }: Surroundings,
  use: (contestants: readonly Contestant[]) => Promise<void>,
): Promise<void> {
  const products: Product[] = [];
  const settings = { ...configuration, upstream };
  const nodeArgs: Record<string, readonly string[]> =
    profile === undefined ? {} : { [profile.process]: ['--cpu-prof', `--cpu-prof-dir=${profile.folder}`] };
  try {
    if (subjects.includes('standalone')) products.push(await startStandaloneProduct(settings));
    const gatewaysFrom = profile === undefined ? 'image' : 'dist';
    if (subjects.includes('distributed'))
      products.push(await startDistributedProduct({ ...settings, nodeArgs, gatewaysFrom }));
    if (subjects.includes('two-workers'))
      products.push(await startDistributedProduct({ ...settings, name: 'two-workers', workers: 2 }));
    if (comparedWith !== undefined)
      products.push(await startDistributedProduct({ ...comparedWith, upstream, name: 'compared' }));
    await use([
      ...forwarders.map((subject) => ({ subject, product: undefined })),
      ...products.map((product) => ({ subject: product, product })),
    ]);
  } finally {
    for (const product of products) await product.stop();
  }
}

/** What others read: the summary of the distributed product, and everything behind it. */
const resultsOf = (
  figures: readonly ScenarioFigures[],
  cold: ColdFigures | undefined,
  curve: readonly CurvePoint[],
): object => ({
  summary: Object.fromEntries(
    figures.flatMap(({ scenario, subjects }) => {
      const product = subjects.find(({ name }) => name === 'distributed');
      if (product === undefined) return [];
      const { rpsRatio, cpuRatio, p50Added, p99Added, errors } = product;
      const summary = {
        rpsRatio: rpsRatio.median,
        cpuRatio: cpuRatio.median,
        p50AddedMs: p50Added.median,
        p99AddedMs: p99Added.median,
        errors,
      };
      return [[scenario, summary]];
    }),
  ),
  ...(cold === undefined
    ? {}
    : {
        coldMs: {
          standalone: cold.standalone.median,
          gateway500x10000: cold.gateway500x10000.median,
          leaseMissP99: cold.leaseMissP99,
          tokenIssueP99: cold.tokenIssueP99,
        },
      }),
  scenarios: figures,
  cold,
  curve,
});

async function findLoad(): Promise<Load> {
  try {
    return await findWrk();
  } catch (error) {
    say(`Without wrk, Node's own load takes part of the machine from what is measured: ${String(error)}`);
    return nodeLoad(PROGRAM);
  }
}

async function findNginx(upstream: string): Promise<Subject | undefined> {
  try {
    return await startNginx(upstream);
  } catch (error) {
    say(`nginx is left out: ${String(error)}`);
    return undefined;
  }
}

/** Starts a role that prints its origin once it listens. */
async function startRole(role: string, argument = ''): Promise<{ origin: string; app: SpawnedApp }> {
  const app = await spawnApp({ entry: PROGRAM, args: [role, argument], readyPattern: /\n/, readyTimeoutMs: 120_000 });
  return { origin: app.stdout().trim(), app };
}

/** Scenarios that want the same product, next to each other. */
function byConfiguration(scenarios: readonly Scenario[]): [Scenario, ...Scenario[]][] {
  const groups = new Map<string, [Scenario, ...Scenario[]]>();
  for (const scenario of scenarios) {
    const key = JSON.stringify([scenario.configuration, scenario.comparedWith]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [scenario]);
    else group.push(scenario);
  }
  return [...groups.values()];
}
