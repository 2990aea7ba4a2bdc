import { execFileSync } from 'node:child_process';
import type { StdioOptions } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** A process, with what distinguishes it from others that had or will have the same process id. */
export interface FoundProcess {
  readonly pid: number;
  /** Milliseconds since 1970, to about a second. The same process always gets the same value from us. */
  readonly startedAtMs: number;
  readonly uid: number;
  /** Program and arguments, joined by spaces. */
  readonly command: string;
}

/** The process that has an id. `hidden` means that it exists, but the system does not say more about it. */
export type ProcessLookup =
  | { readonly state: 'found'; readonly process: FoundProcess }
  | { readonly state: 'gone' }
  | { readonly state: 'hidden' };

/**
 * Finds the process that has this id now. An id alone names no process: systems reuse ids, and a file with one outlives
 * the process that wrote it. So callers compare what they find before they send a signal.
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

/** Linux has the start of a process in ticks since boot. We compare it with our own start, which needs no clock. */
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
    return undefined; // it ended while we read, or we may not read it
  }
}

/** proc(5): the name in parentheses may hold any character. The state follows it; the start is field 22. */
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
