import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** As V8 writes it: samples name nodes, `timeDeltas` are microseconds before each, times those of a monotonic clock. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const MOST = 30;

/** Microseconds of the clock that profiles are written by. */
export const profileClock = (): number => Number(process.hrtime.bigint() / 1_000n);

/**
 * Where a process spent its time, function by function, without what they called.
 * @param since of {@link profileClock}: its start is left out.
 */
export function hottestOf(folder: string, since: number): string {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.cpuprofile'))
    .map((name) => {
      const profile = JSON.parse(readFileSync(join(folder, name), 'utf8')) as CpuProfile;
      return [`\n${join(folder, name)}: open it in Chrome's or VS Code's profiler`, ...linesOf(profile, since)].join(
        '\n',
      );
    })
    .join('\n');
}

function linesOf({ nodes, samples, timeDeltas, startTime }: CpuProfile, since: number): string[] {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const spent = new Map<string, number>();
  let busy = 0;
  let at = startTime;
  samples.forEach((id, index) => {
    const time = timeDeltas[index] ?? 0;
    at += time;
    const frame = frames.get(id);
    if (at < since) return;
    if (frame === undefined || frame.functionName === '(idle)' || frame.functionName === '(program)') return;
    const where = frame.url.replace(/^.*\/(?=(?:node_modules|apps|libs)\/)/, '');
    const name = `${frame.functionName || '(anonymous)'}  ${where}${where === '' ? '' : `:${frame.lineNumber + 1}`}`;
    spent.set(name, (spent.get(name) ?? 0) + time);
    busy += time;
  });
  return [...spent]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, MOST)
    .map(([name, time]) => `${((time / busy) * 100).toFixed(1).padStart(5)} %  ${name}`);
}
