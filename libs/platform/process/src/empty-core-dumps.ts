import { readFileSync, writeFileSync } from 'node:fs';

/**
 * Security rule S30. Node cannot set its own limit for core dumps, but a process on Linux chooses what one of it would
 * hold: nothing of its memory, whoever started it and with whatever limit. Elsewhere it is the limit that counts.
 * @returns what to tell the operator, when a core dump could hold secrets
 */
export function emptyCoreDumps(proc = '/proc/self'): string | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    writeFileSync(`${proc}/coredump_filter`, '0x0');
    if (/^0+\s*$/.test(readFileSync(`${proc}/coredump_filter`, 'utf8'))) return undefined;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
  }
  return hasNoCoreDumps(`${proc}/limits`)
    ? undefined
    : 'a core dump of this process would hold secrets: start it with ulimit -c 0';
}

function hasNoCoreDumps(file: string): boolean {
  try {
    return /^Max core file size\s+0\s/m.test(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}
