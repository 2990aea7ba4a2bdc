/** What one closed-loop round measured. Latencies in milliseconds. */
export interface Round {
  readonly requests: number;
  readonly errors: number;
  readonly seconds: number;
  readonly latencies: readonly number[];
}

export interface Comparison {
  readonly name: string;
  readonly requestsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly errors: number;
}

/** @param values sorted ascending @param rank 0 to 1; nearest rank */
export function percentile(values: readonly number[], rank: number): number {
  if (values.length === 0) return Number.NaN;
  return values[Math.min(values.length - 1, Math.max(0, Math.ceil(rank * values.length) - 1))] ?? Number.NaN;
}

/**
 * All rounds of one subject as one: rounds are interleaved with the other subject's, so that a slow moment hits both.
 */
export function summarise(name: string, rounds: readonly Round[]): Comparison {
  const latencies = rounds.flatMap((round) => round.latencies).toSorted((a, b) => a - b);
  const requests = rounds.reduce((sum, round) => sum + round.requests, 0);
  const seconds = rounds.reduce((sum, round) => sum + round.seconds, 0);
  return {
    name,
    requestsPerSecond: requests / seconds,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    errors: rounds.reduce((sum, round) => sum + round.errors, 0),
  };
}

export type Verdict = { readonly passed: boolean; readonly ratio: number; readonly text: string };

/** @param least the part of the baseline's throughput the subject must reach, 0 to 1 */
export function compare(baseline: Comparison, subject: Comparison, least: number): Verdict {
  const ratio = subject.requestsPerSecond / baseline.requestsPerSecond;
  const errors = baseline.errors + subject.errors;
  const passed = ratio >= least && errors === 0;
  const percent = (part: number) => `${(part * 100).toFixed(1)} %`;
  const row = ({ name, requestsPerSecond, p50, p99 }: Comparison) =>
    `${name.padEnd(28)} ${requestsPerSecond.toFixed(0).padStart(8)} requests/s   p50 ${p50.toFixed(2).padStart(7)} ` +
    `ms   p99 ${p99.toFixed(2).padStart(7)} ms`;
  const outcome =
    errors > 0
      ? `failed: ${errors} calls did not answer with a result`
      : passed
        ? `passed: at least ${percent(least)} wanted`
        : `failed: at least ${percent(least)} wanted`;
  return { passed, ratio, text: [row(baseline), row(subject), `ratio ${percent(ratio)}   ${outcome}`].join('\n') };
}
