import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** Of a process and those it started of the same program: its workers, not its database. */
export interface Usage {
  /** Processor time used so far, in microseconds; the kernel counts in steps of 10,000. */
  readonly cpuMicroseconds: number;
  readonly rssMebibytes: number;
}

const TICK_MICROSECONDS = 10_000; // USER_HZ, 100 on every architecture that Node runs on
const PAGE_BYTES = 4096;

/**
 * `/proc/<pid>/stat`, proc(5): fields 14 and 15 are user and system time in ticks, 4 the parent, 24 resident pages. The
 * command, field 2, may hold spaces and parentheses. Linux only.
 */
const statOf = (pid: number): readonly string[] | undefined => {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return ['', '', ...text.slice(text.lastIndexOf(')') + 1).split(' ')];
  } catch {
    return undefined; // it has ended
  }
};

export function readUsage(pid: number): Usage {
  const family = [pid, ...descendantsOf(pid)];
  let [ticks, pages] = [0, 0];
  for (const one of family) {
    const stat = statOf(one);
    ticks += Number(stat?.[14] ?? 0) + Number(stat?.[15] ?? 0);
    pages += Number(stat?.[24] ?? 0);
  }
  return { cpuMicroseconds: ticks * TICK_MICROSECONDS, rssMebibytes: (pages * PAGE_BYTES) / 1024 ** 2 };
}

function descendantsOf(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = Number(statOf(Number(entry))?.[4] ?? 0);
    children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const found: number[] = [];
  for (let next = [pid]; next.length > 0; found.push(...next)) next = next.flatMap((one) => children.get(one) ?? []);
  const program = programOf(pid);
  return found.filter((one) => one !== pid && programOf(one) === program);
}

function programOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return undefined; // it has ended, or is another user's
  }
}

const LOOK_EVERY_MS = 100;

/** Looks at the memory of a process until it is stopped. `stop`: the most it had, in MiB. */
export function watchMemory(pid: number): { stop(): Promise<number> } {
  const stopping = new AbortController();
  let most = readUsage(pid).rssMebibytes;
  const work = (async () => {
    while (!stopping.signal.aborted) {
      await pause(LOOK_EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
      most = Math.max(most, readUsage(pid).rssMebibytes);
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await work;
      return most;
    },
  };
}
