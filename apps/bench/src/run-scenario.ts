import type { Load } from './load/load.js';
import type { McpRequest, Route } from './load/mcp-request.js';
import { primeWith } from './load/prime.js';
import { measureRound, type Round } from './measure/measure-round.js';
import type { Asking, Scenario } from './scenarios/scenario.js';
import type { Product } from './subjects/product.js';
import { pathOf, type BenchServer, type Subject } from './subjects/subject.js';

export interface Contestant {
  readonly subject: Subject;
  /** The same subject, where it is one of ours. */
  readonly product: Product | undefined;
}

/** What was measured of one subject in one round: without pauses, and at half the load. */
export interface RoundOfOne {
  readonly full: Round;
  readonly half: Round | undefined;
}
export type RoundOfAll = ReadonlyMap<Subject['name'], RoundOfOne>;

export interface ScenarioRun {
  readonly scenario: Pick<Scenario, 'name' | 'about'>;
  readonly subjects: readonly Subject[];
  readonly rounds: readonly RoundOfAll[];
  /** Further figures, by subject and name. */
  readonly notes: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface RunOptions {
  readonly load: Load;
  readonly rounds: number;
  readonly seconds: number;
  /** In how many of the rounds half the load is measured too. */
  readonly halfLoadRounds: number;
  readonly served: () => Promise<number>;
  readonly onProgress: (line: string) => void;
}

const FIRST_GUESS_PER_SECOND = 4_000;
/** Requests that are good once must not run out: so many times more are made than the last load needed. */
const PLENTY = 4;
const LEAST_PER_SECOND = 1_000;
const SAMPLES = 400;
const CHECK_EVERY_MS = 50;
const LEAST_THINK_MS = 1;
const LEAST_RATE = 1;

/**
 * All subjects in turn, round after round, so that a slow moment of the machine meets all of them. First every request
 * is sent once and its answer checked; then a round that is not counted warms the subjects, and says what half the load
 * is.
 */
export async function runScenario(
  scenario: Scenario,
  contestants: readonly Contestant[],
  { load, rounds, seconds, halfLoadRounds, served, onProgress }: RunOptions,
): Promise<ScenarioRun> {
  const notes: Record<string, Record<string, number>> = {};
  const firstProduct = contestants.find(({ product }) => product !== undefined)?.product;
  const askingOf = ({ subject, product }: Contestant, count: number): Asking => ({
    origin: subject.origin,
    pid: subject.pid,
    product,
    tokens: (product ?? firstProduct)?.tokens ?? (() => Promise.resolve([])),
    routeTo: (server) => routeTo(server, product),
    count,
    note: (name, figure) => void ((notes[subject.name] ??= {})[name] = figure),
  });
  const prepared: Prepared[] = [];
  for (const one of contestants) {
    const requests = await scenario.requests(askingOf(one, SAMPLES));
    const repeated = await primeWith(one.subject.origin, requests);
    if (repeated > 0) onProgress(`${scenario.name}: ${one.subject.name} let ${repeated} first calls come again`);
    prepared.push({ ...one, requests });
  }
  const measure = async (one: Prepared, thinkMs: number, time: number, perSecond: number): Promise<Round> => {
    const areSingle = scenario.areSingle === true && one.product !== undefined; // who only forwards looks at none
    const count = Math.ceil(Math.max(perSecond, LEAST_PER_SECOND) * time * PLENTY) + SAMPLES;
    const requests = areSingle ? await scenario.requests(askingOf(one, count)) : one.requests;
    const beside = one.product && scenario.beside?.(one.product);
    const round = measureRound({
      load,
      order: {
        origin: one.subject.origin,
        requests: areSingle ? requests.slice(SAMPLES) : requests,
        connections: scenario.connections,
        seconds: time,
        thinkMs,
      },
      sample: areSingle ? requests.slice(0, SAMPLES) : requests,
      checkEveryMs: scenario.checkEveryMs ?? CHECK_EVERY_MS,
      subject: one.subject,
      product: one.product,
      served: scenario.mayBeRemembered === true ? undefined : served,
    });
    return beside === undefined ? round : await endingWith(round, beside);
  };

  const half = Math.max(1, Math.ceil(seconds / 2));
  const rates = new Map<Prepared, number>();
  for (const one of prepared) rates.set(one, (await measure(one, 0, half, FIRST_GUESS_PER_SECOND)).requestsPerSecond);
  const halfRate = Math.max(Math.min(...rates.values()) / 2, LEAST_RATE);
  const thinkMs = Math.max(LEAST_THINK_MS, (scenario.connections / halfRate) * 1000);
  const measured: RoundOfAll[] = [];
  for (let round = 1; round <= rounds; round++) {
    const all = new Map<Subject['name'], RoundOfOne>();
    for (const one of prepared) {
      const full = await measure(one, 0, seconds, rates.get(one) ?? FIRST_GUESS_PER_SECOND);
      rates.set(one, Math.max(rates.get(one) ?? 0, full.requestsPerSecond));
      const calm = round <= halfLoadRounds ? await measure(one, thinkMs, half, halfRate) : undefined;
      all.set(one.subject.name, { full, half: calm });
      onProgress(`${scenario.name}, round ${round}: ${one.subject.name} ${Math.round(full.requestsPerSecond)} calls/s`);
    }
    measured.push(all);
  }
  return { scenario, subjects: prepared.map(({ subject }) => subject), rounds: measured, notes };
}

async function endingWith<T>(work: Promise<T>, beside: { stop(): Promise<void> }): Promise<T> {
  try {
    return await work;
  } finally {
    await beside.stop();
  }
}

interface Prepared extends Contestant {
  readonly requests: readonly McpRequest[];
}

const routeTo = (server: BenchServer, product: Product | undefined): Route => ({
  path: product === undefined ? pathOf(server) : '/mcp',
  server: server.name,
  toolName: (tool) => (product === undefined ? tool : product.toolName(server.name, tool)),
});
