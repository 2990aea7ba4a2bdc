import { execFileSync } from 'node:child_process';
import type { StdioOptions } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** One process, told apart from any other that has had, or will have, the same number. */
export interface FoundProcess {
  readonly pid: number;
  /** Milliseconds since 1970, to about a second. The same process always gets the same value from us. */
  readonly startedAtMs: number;
  readonly uid: number;
  /** Program and arguments, joined by spaces. */
  readonly command: string;
}

/** What the system says of a number: `hidden` is one that lives, of which this system tells nothing more. */
export type ProcessLookup =
  | { readonly state: 'found'; readonly process: FoundProcess }
  | { readonly state: 'gone' }
  | { readonly state: 'hidden' };

/**
 * Who has this number now. A number alone names nobody: systems give it to the next process, and a file that holds
 * one outlives its writer. Whoever means to signal compares what is found here first.
 */
export function findProcess(pid: number): ProcessLookup {
  if (!Number.isSafeInteger(pid) || pid <= 0 || !exists(pid)) return { state: 'gone' };
  const found = existsSync('/proc/self/stat') ? fromProc(pid) : fromPs(pid);
  if (found !== undefined) return found;
  return { state: exists(pid) ? 'hidden' : 'gone' };
}

/** Whether `process` still is the one that was found. */
export function isStill({ pid, startedAtMs }: FoundProcess): boolean {
  const now = findProcess(pid);
  return now.state === 'found' && now.process.startedAtMs === startedAtMs;
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Linux counts the starts of processes in ticks since boot: counted from our own, no clock of the system's is asked. */
const TICK_MS = 10;
const ownStartMs = Date.now() - process.uptime() * 1_000;
let ownStartTicks: number | undefined;

function fromProc(pid: number): ProcessLookup | undefined {
  try {
    const { ticks, ended } = statOf(String(pid));
    if (ended) return { state: 'gone' };
    ownStartTicks ??= statOf('self').ticks;
    const uid = Number(/^Uid:\s+\d+\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replace(/\0$/, '').replaceAll('\0', ' ');
    return {
      state: 'found',
      process: { pid, startedAtMs: ownStartMs + (ticks - ownStartTicks) * TICK_MS, uid, command },
    };
  } catch {
    return undefined; // it ended while we read, or is not ours to read
  }
}

/** proc(5): the name, in parentheses, may hold anything; the state follows it, the start is field 22. */
function statOf(name: string): { readonly ticks: number; readonly ended: boolean } {
  const text = readFileSync(`/proc/${name}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { ticks: Number(fields[19]), ended: fields[0] === 'Z' || fields[0] === 'X' };
}

function fromPs(pid: number): ProcessLookup | undefined {
  try {
    const columns = ['uid=', 'stat=', 'lstart=', 'command='].flatMap((column) => ['-o', column]);
    const env = { LC_ALL: 'C', PATH: '/bin:/usr/bin' };
    const stdio: StdioOptions = ['ignore', 'pipe', 'ignore'];
    return readPsLine(
      pid,
      execFileSync('ps', ['-ww', ...columns, '-p', String(pid)], { encoding: 'utf8', stdio, env }),
    );
  } catch {
    return undefined; // no `ps`, or no such process any more
  }
}

/** `501 Ss   Sun Nov 29 22:57:21 2026     /path/of/postgres -D …`; the time is local. */
export function readPsLine(pid: number, line: string): ProcessLookup | undefined {
  const match = /^\s*(\d+)\s+(\S+)\s+(\w{3}\s+\w{3}\s+\d+\s+[\d:]{8}\s+\d{4})\s+(.*?)\s*$/s.exec(line);
  const [, uid, state = '', lstart = '', command = ''] = match ?? [];
  const startedAtMs = Date.parse(lstart);
  if (Number.isNaN(startedAtMs)) return undefined;
  return state.startsWith('Z')
    ? { state: 'gone' }
    : { state: 'found', process: { pid, startedAtMs, uid: Number(uid), command } };
}
