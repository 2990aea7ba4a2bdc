import { spreadOf } from './report/percentile.js';
import { runScenario, type Contestant, type RunOptions } from './run-scenario.js';
import type { Scenario } from './scenarios/scenario.js';

/** Medians over rounds. */
export interface CurvePoint {
  readonly subject: string;
  readonly connections: number;
  readonly requestsPerSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

const CONNECTIONS = [1, 2, 4, 8, 16, 32, 64, 128] as const;

/** One scenario with ever more connections. */
export async function runCurve(
  scenario: Scenario,
  contestants: readonly Contestant[],
  options: RunOptions,
): Promise<readonly CurvePoint[]> {
  const points: CurvePoint[] = [];
  for (const connections of CONNECTIONS) {
    const named = { ...scenario, name: `${scenario.name} with ${connections} connections`, connections };
    const { subjects, rounds } = await runScenario(named, contestants, { ...options, halfLoadRounds: 0 });
    for (const { name } of subjects) {
      const all = rounds.flatMap((round) => round.get(name)?.full ?? []);
      points.push({
        subject: name,
        connections,
        requestsPerSecond: spreadOf(all.map(({ requestsPerSecond }) => requestsPerSecond)).median,
        p50: spreadOf(all.map(({ p50 }) => p50)).median,
        p99: spreadOf(all.map(({ p99 }) => p99)).median,
      });
    }
  }
  return points;
}
