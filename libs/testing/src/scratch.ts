import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProcess } from '@sallyport/embedded-postgres';
import { readTestEnvironment } from './environment.js';

const PREFIX = 'sallyport-test-';

const MEMORY_FOLDER = '/dev/shm';
/** What Linux calls tmpfs, see statfs(2). */
const TMPFS = 0x01021994;
/** A run holds some hundreds of MiB at a time; containers often have 64 MiB there. */
const ROOM = 2 * 1024 ** 3;

/** @returns a folder in memory with room for a test run, where the system has one */
export function findMemoryFolder(folder = MEMORY_FOLDER): string | undefined {
  if (!existsSync(folder)) return undefined;
  const { type, bavail, bsize } = statfsSync(folder);
  return type === TMPFS && bavail * bsize >= ROOM ? folder : undefined;
}

const parent = (): string => readTestEnvironment().scratch ?? tmpdir();

/** A folder of this process that others may enter; removed by the caller, or by a later run when this one is killed. */
export function makeScratch(kind: string): string {
  const directory = mkdtempSync(join(parent(), `${PREFIX}${kind}-${process.pid}-`));
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
 * a shared temporary directory: only ours count, and a pid in one only if that process was started on something in
 * the folder.
 */
export function sweepScratch(): void {
  for (const folder of new Set([tmpdir(), parent()])) sweep(folder);
}

function sweep(folder: string): void {
  for (const name of readdirSync(folder)) {
    const owner = /^sallyport-test-.+?-(\d+)-/.exec(name)?.[1];
    const directory = join(folder, name);
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
