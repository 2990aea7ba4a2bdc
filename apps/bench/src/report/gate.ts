import type { SubjectFigures } from './summarise.js';

/**
 * What the distributed product must hold against the bare proxy in `--smoke`, which CI runs: calls a second at least, as
 * the median of the rounds, and processor time a call at most, in the best of them. Whatever else the machine does adds
 * to the processor time of a call, and a product that became slow is slow in every round. The aim is
 * 0.75 and 1.4. A quiet machine gives 0.63 and 1.2; one that had worked for half an hour gave 0.44 and 1.84.
 */
export const SMOKE_GATE = { leastRpsRatio: 0.3, mostCpuRatio: 2.6 } as const;

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
    ...(gate !== undefined && cpuRatio.least > gate.mostCpuRatio
      ? [`${said} needs ${cpuRatio.least.toFixed(2)} times the processor time, more than ${gate.mostCpuRatio}`]
      : []),
  ];
}
