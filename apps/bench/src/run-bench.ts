import { writeFileSync } from 'node:fs';
import { spawnApp, type SpawnedApp } from '@sallyport/testing';
import { z } from 'zod';
import type { Load } from './load/load.js';
import { nodeLoad } from './load/node-load.js';
import { findWrk } from './load/wrk.js';
import { failuresOf, SMOKE_GATE } from './report/gate.js';
import { hottestOf, profileClock } from './report/profile.js';
import { summarise, type ScenarioFigures } from './report/summarise.js';
import { textOf } from './report/text.js';
import { runScenario, type Contestant } from './run-scenario.js';
import type { Scenario } from './scenarios/scenario.js';
import { startDistributedProduct, startStandaloneProduct, type Product } from './subjects/product.js';
import type { Subject } from './subjects/subject.js';

export interface BenchOptions {
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
  readonly seconds: number;
  /** Few short rounds, the distributed product only, held to {@link SMOKE_GATE}. */
  readonly smoke: boolean;
  readonly subjects: readonly Subject['name'][];
  /** Where the results are written, if anywhere. */
  readonly json?: string | undefined;
  /** A folder for the profile of one process of the distributed product. */
  readonly profile?: { readonly folder: string; readonly process: string } | undefined;
}

const PROGRAM = 'apps/bench/dist/main.js';
const Served = z.object({ served: z.int() });
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** @returns what the product failed for, one sentence each */
export async function runBench(options: BenchOptions): Promise<readonly string[]> {
  const load = await findLoad();
  const upstream = await startRole('upstream');
  const bare = await startRole('bare-proxy', upstream.origin).catch(async (error: unknown) => {
    await upstream.app.stop();
    throw error;
  });
  const failures: string[] = [];
  const figures: ScenarioFigures[] = [];
  let firstLoad = Infinity;
  const bareSubject: Subject = {
    name: 'bare',
    title: 'bare Fastify + undici proxy',
    origin: bare.origin,
    pid: bare.app.pid,
    stop: async () => void (await bare.app.stop()),
  };
  try {
    say(`${options.rounds} rounds of ${options.seconds} s for each subject, in turn; load from ${load.name}`);
    for (const group of byConfiguration(options.scenarios)) {
      const products = await startProducts(group[0], upstream.origin, options);
      const contestants: Contestant[] = [
        { subject: bareSubject, product: undefined },
        ...products.map((product) => ({ subject: product, product })),
      ];
      try {
        for (const scenario of group) {
          firstLoad = Math.min(firstLoad, profileClock());
          const served = async () => Served.parse(await (await fetch(`${upstream.origin}/served`)).json()).served;
          const run = await runScenario(scenario, contestants, {
            ...options,
            halfLoadRounds: options.smoke ? 1 : options.rounds,
            load,
            served,
            onProgress: say,
          });
          const summary = summarise(run);
          figures.push(summary);
          say(textOf(summary));
          for (const subject of summary.subjects) {
            const gate = options.smoke && subject.name === 'distributed' ? SMOKE_GATE : undefined;
            failures.push(...failuresOf(scenario.name, subject, gate));
          }
        }
      } finally {
        for (const product of products) await product.stop();
      }
    }
  } finally {
    await bareSubject.stop();
    await upstream.app.stop();
  }
  if (options.profile !== undefined) say(hottestOf(options.profile.folder, firstLoad));
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(resultsOf(figures), null, 2)}\n`);
  return failures;
}

/** What others read: the summary of the distributed product, and everything behind it. */
const resultsOf = (figures: readonly ScenarioFigures[]): object => ({
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
  scenarios: figures,
});

async function findLoad(): Promise<Load> {
  try {
    return await findWrk();
  } catch (error) {
    say(`Without wrk, Node's own load takes part of the machine from what is measured: ${String(error)}`);
    return nodeLoad(PROGRAM);
  }
}

/** Starts a role of this program that prints its origin once it listens. */
async function startRole(role: string, argument = ''): Promise<{ origin: string; app: SpawnedApp }> {
  const app = await spawnApp({ entry: PROGRAM, args: [role, argument], readyPattern: /\n/ });
  return { origin: app.stdout().trim(), app };
}

async function startProducts(
  { configuration }: Scenario,
  upstream: string,
  { subjects, profile }: BenchOptions,
): Promise<readonly Product[]> {
  const products: Product[] = [];
  const settings = { ...configuration, upstream };
  const nodeArgs: Record<string, readonly string[]> =
    profile === undefined ? {} : { [profile.process]: ['--cpu-prof', `--cpu-prof-dir=${profile.folder}`] };
  try {
    if (subjects.includes('standalone')) products.push(await startStandaloneProduct(settings));
    if (subjects.includes('distributed')) products.push(await startDistributedProduct({ ...settings, nodeArgs }));
    return products;
  } catch (error) {
    for (const product of products) await product.stop();
    throw error;
  }
}

/** Scenarios that want the same product, next to each other. */
function byConfiguration(scenarios: readonly Scenario[]): [Scenario, ...Scenario[]][] {
  const groups = new Map<string, [Scenario, ...Scenario[]]>();
  for (const scenario of scenarios) {
    const key = JSON.stringify(scenario.configuration);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [scenario]);
    else group.push(scenario);
  }
  return [...groups.values()];
}
