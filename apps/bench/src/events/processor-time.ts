import { readdirSync, readFileSync } from 'node:fs';

/** One process, as Linux tells of it. */
interface ProcessStat {
  readonly pid: number;
  readonly name: string;
  readonly parent: number;
  /** Seconds, in user and system mode: its own and those of its children that ended. */
  readonly seconds: number;
}

/** Linux tells processor time in hundredths of a second, whatever the kernel was built with. */
const TICKS_PER_SECOND = 100;

/** Every process of this machine, from `/proc`. */
export function readProcessStats(): ProcessStat[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      return [parseStat(Number(pid), readFileSync(`/proc/${pid}/stat`, 'utf8'))];
    } catch {
      return []; // ended meanwhile
    }
  });
}

/** Processor seconds used so far by this process and all that descend from it and still run. */
export function secondsOfTree(root: number, all: readonly ProcessStat[] = readProcessStats()): number {
  const own = all.find(({ pid }) => pid === root)?.seconds ?? 0;
  return all.filter(({ parent }) => parent === root).reduce((sum, { pid }) => sum + secondsOfTree(pid, all), own);
}

/** `pid (name) state ppid …`; the name may hold anything, parentheses too. See proc(5). */
function parseStat(pid: number, text: string): ProcessStat {
  const close = text.lastIndexOf(')');
  const fields = text.slice(close + 2).split(' ');
  const [utime, stime, cutime, cstime] = fields.slice(11, 15).map(Number);
  return {
    pid,
    name: text.slice(text.indexOf('(') + 1, close),
    parent: Number(fields[1]),
    seconds: ((utime ?? 0) + (stime ?? 0) + (cutime ?? 0) + (cstime ?? 0)) / TICKS_PER_SECOND,
  };
}
