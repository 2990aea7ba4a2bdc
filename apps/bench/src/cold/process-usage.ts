import { readFileSync } from 'node:fs';

/** What one process has used so far, as Linux counts it (`/proc`). */
export interface ProcessUsage {
  /** Resident memory now, and the most there was. MB of 10^6 bytes. */
  readonly rssMb: number;
  readonly peakRssMb: number;
  /** Processor time of all threads, in milliseconds. */
  readonly cpuMs: number;
}

/** Clock ticks a second: 100 on every Linux that Node.js runs on. */
const TICK_MS = 10;

/** @throws where there is no `/proc`, or no such process */
export function usageOf(pid: number): ProcessUsage {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const megabytes = (field: string): number =>
    (Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024) / 1e6;
  // After the program's name, which may hold blanks: fields 14 and 15 of proc(5) are utime and stime.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return { rssMb: megabytes('VmRSS'), peakRssMb: megabytes('VmHWM'), cpuMs: ticks * TICK_MS };
}
