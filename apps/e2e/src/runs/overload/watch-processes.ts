import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

export interface WatchedProcess {
  readonly name: string;
  readonly pid: number;
  readonly healthUrl: string;
}

export interface Watched {
  /** Largest resident memory seen, in MiB, by process. */
  readonly peakMebibytes: Readonly<Record<string, number>>;
  /** Each time a process said that it is not ready, or did not answer within the time given. */
  readonly notReady: readonly string[];
  /** Reasons given for `degraded`, each once, with `n` for any number. */
  readonly degraded: readonly string[];
}

const READY_INTERVAL_MS = 250;
const READY_TIMEOUT_MS = 3_000;
const MEMORY_INTERVAL_MS = 1_000;

const run = promisify(execFile);

/** Resident memory in MiB and processor seconds used so far, by pid; as `ps` tells both on Linux and macOS. */
export async function readProcesses(
  pids: readonly number[],
): Promise<ReadonlyMap<number, { readonly mebibytes: number; readonly cpuSeconds: number }>> {
  const { stdout } = await run('ps', ['-o', 'pid=,rss=,time=', '-p', pids.join(',')]);
  return new Map(
    stdout
      .trim()
      .split('\n')
      .map((line) => {
        const [pid = '', rss = '', time = ''] = line.trim().split(/\s+/);
        return [Number(pid), { mebibytes: Number(rss) / 1024, cpuSeconds: secondsOf(time) }] as const;
      }),
  );
}

/** `[days-]hours:minutes:seconds`, hours left out where there are none. */
function secondsOf(time: string): number {
  const [days, clock = ''] = time.includes('-') ? time.split('-') : ['0', time];
  return Number(days) * 86_400 + clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** Looks at readiness and memory of all of them until it is told to stop. */
export function watchProcesses(processes: readonly WatchedProcess[]): { stop(): Promise<Watched> } {
  const peaks = new Map<string, number>();
  const notReady: string[] = [];
  const degraded = new Set<string>();
  let stopped = false;
  const look = async ({ name, healthUrl }: WatchedProcess): Promise<void> => {
    while (!stopped) {
      const began = Date.now();
      try {
        const response = await fetch(`${healthUrl}/readyz`, { signal: AbortSignal.timeout(READY_TIMEOUT_MS) });
        const { status, reasons } = (await response.json()) as { status: string; reasons: readonly string[] };
        if (!response.ok) notReady.push(`${name} is ${status}: ${reasons.join(', ')}`);
        else for (const reason of reasons) degraded.add(reason.replace(/\d+/g, 'n'));
      } catch (error) {
        notReady.push(`${name} did not say in ${Date.now() - began} ms whether it is ready (${String(error)})`);
      }
      await pause(READY_INTERVAL_MS);
    }
  };
  const measure = async (): Promise<void> => {
    while (!stopped) {
      const read = await readProcesses(processes.map(({ pid }) => pid));
      for (const { name, pid } of processes)
        peaks.set(name, Math.max(peaks.get(name) ?? 0, read.get(pid)?.mebibytes ?? 0));
      await pause(MEMORY_INTERVAL_MS);
    }
  };
  const work = Promise.all([...processes.map(look), measure()]);
  return {
    async stop() {
      stopped = true;
      await work;
      return { peakMebibytes: Object.fromEntries(peaks), notReady, degraded: [...degraded] };
    },
  };
}
