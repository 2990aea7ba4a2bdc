import type { SubjectFigures } from './summarise.js';

/**
 * What the distributed product must hold against the bare proxy in `--smoke`, which CI runs: calls a second at least,
 * processor time a call at most, as medians of a few short rounds.
 */
export const SMOKE_GATE = { leastRpsRatio: 0.12, mostCpuRatio: 8 } as const;

/** What a scenario fails for, one sentence each. */
export function failuresOf(
  scenario: string,
  { title, rpsRatio, cpuRatio, errors, wrong, events }: SubjectFigures,
  gate: { readonly leastRpsRatio: number; readonly mostCpuRatio: number } | undefined,
): string[] {
  const said = `${scenario}: ${title}`;
  return [
    ...(errors > 0 ? [`${said} did not answer ${errors} calls as asked: ${wrong.join('; ')}`] : []),
    ...(events !== undefined && events.lost > 0 ? [`${said} lost ${events.lost} events`] : []),
    ...(gate !== undefined && rpsRatio.median < gate.leastRpsRatio
      ? [`${said} answers ${rpsRatio.median.toFixed(2)} of the bare proxy's calls, less than ${gate.leastRpsRatio}`]
      : []),
    ...(gate !== undefined && cpuRatio.median > gate.mostCpuRatio
      ? [`${said} needs ${cpuRatio.median.toFixed(2)} times the processor time, more than ${gate.mostCpuRatio}`]
      : []),
  ];
}
