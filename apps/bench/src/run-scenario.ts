import type { Load } from './load/load.js';
import { expectTrueAnswer } from './load/check-answers.js';
import type { McpRequest } from './load/mcp-request.js';
import { measureRound, type Round } from './measure/measure-round.js';
import type { Scenario } from './scenarios/scenario.js';
import type { Product } from './subjects/product.js';
import type { Subject } from './subjects/subject.js';

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
  readonly scenario: Scenario;
  readonly subjects: readonly Subject[];
  readonly rounds: readonly RoundOfAll[];
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

/**
 * All subjects in turn, round after round, so that a slow moment of the machine meets all of them. A round before the
 * first one warms them and is not counted; it also says what half the load is.
 */
export async function runScenario(
  scenario: Scenario,
  contestants: readonly Contestant[],
  { load, rounds, seconds, halfLoadRounds, served, onProgress }: RunOptions,
): Promise<ScenarioRun> {
  const prepared: (Contestant & { readonly requests: readonly McpRequest[] })[] = [];
  for (const { subject, product } of contestants) {
    const requests = await scenario.requests(subject, product);
    for (const request of requests.slice(0, 1)) await expectTrueAnswer(subject.origin, request);
    prepared.push({ subject, product, requests });
  }
  const measure = ({ subject, product, requests }: (typeof prepared)[number], thinkMs: number, time = seconds) =>
    measureRound({
      load,
      order: { origin: subject.origin, requests, connections: scenario.connections, seconds: time, thinkMs },
      subject,
      product,
      served,
    });

  const warming = [];
  for (const one of prepared)
    warming.push((await measure(one, 0, Math.max(1, Math.ceil(seconds / 2)))).requestsPerSecond);
  const thinkMs = thinkOf(Math.min(...warming) / 2, scenario.connections);
  const measured: RoundOfAll[] = [];
  for (let round = 1; round <= rounds; round++) {
    const all = new Map<Subject['name'], RoundOfOne>();
    for (const one of prepared) {
      const full = await measure(one, 0);
      const half =
        round <= halfLoadRounds ? await measure(one, thinkMs, Math.max(1, Math.floor(seconds / 2))) : undefined;
      all.set(one.subject.name, { full, half });
      onProgress(`${scenario.name}, round ${round}: ${one.subject.name} ${Math.round(full.requestsPerSecond)} calls/s`);
    }
    measured.push(all);
  }
  return { scenario, subjects: prepared.map(({ subject }) => subject), rounds: measured };
}

/** How long each connection waits between calls for all of them to reach a rate; the calls' own time is left out. */
const thinkOf = (perSecond: number, connections: number): number => (connections / perSecond) * 1000;
