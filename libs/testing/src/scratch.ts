import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProcess } from '@sallyport/embedded-postgres';

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

/**
 * Ends the servers and removes the folders of test runs that were killed. Anybody can make a folder of such a name in
 * the shared temporary directory: only ours count, and a pid in one only if that process was started on something in
 * the folder.
 */
export function sweepScratch(): void {
  for (const name of readdirSync(tmpdir())) {
    const owner = /^sallyport-test-.+?-(\d+)-/.exec(name)?.[1];
    const directory = join(tmpdir(), name);
    if (owner === undefined || findProcess(Number(owner)).state !== 'gone' || !isOurs(directory)) continue;
    const note = join(directory, 'server.pid');
    if (existsSync(note)) endServer(Number(readFileSync(note, 'utf8')), directory);
    removeScratch(directory);
  }
}

function isOurs(directory: string): boolean {
  const entry = lstatSync(directory, { throwIfNoEntry: false });
  return entry?.isDirectory() === true && entry.uid === process.getuid?.();
}

function endServer(pid: number, directory: string): void {
  const found = findProcess(pid);
  if (found.state === 'found' && found.process.command.includes(` ${directory}/`)) process.kill(pid, 'SIGKILL');
}
