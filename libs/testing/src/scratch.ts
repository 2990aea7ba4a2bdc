import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'sallyport-test-';

/** A folder of this process that others may enter; removed by the caller, or by a later run when this one is killed. */
export function makeScratch(kind: string): string {
  const directory = mkdtempSync(join(tmpdir(), `${PREFIX}${kind}-${process.pid}-`));
  chmodSync(directory, 0o755);
  return directory;
}

/** Notes the server that lives in `directory`, so that `sweepScratch` can end it should we be killed. */
export function noteServer(directory: string, pid: number): void {
  writeFileSync(join(directory, 'server.pid'), String(pid));
}

export function removeScratch(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}

/** Ends the servers and removes the folders of test runs that were killed. A pid counts only if its command line names the folder. */
export function sweepScratch(): void {
  for (const name of readdirSync(tmpdir())) {
    const owner = /^sallyport-test-.+?-(\d+)-/.exec(name)?.[1];
    if (owner === undefined || alive(Number(owner))) continue;
    const directory = join(tmpdir(), name);
    const note = join(directory, 'server.pid');
    if (existsSync(note)) {
      const pid = Number(readFileSync(note, 'utf8'));
      if (commandLine(pid).includes(directory)) process.kill(pid, 'SIGKILL');
    }
    removeScratch(directory);
  }
}

function commandLine(pid: number): string {
  const file = `/proc/${pid}/cmdline`;
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
