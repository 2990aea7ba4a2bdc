import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { SallyportError } from '@sallyport/kernel';
import pg from 'pg';
import { findBinaries, postgresIdentity } from './find-binaries.js';
import type { Identity } from './find-binaries.js';
import { endLeftOver } from './lock-file.js';

const run = promisify(execFile);

export interface EmbeddedPostgres {
  readonly url: string;
  readonly pid: number;
  /** Resolves when the server is gone, asked to or not: how it ended, in words. */
  readonly ended: Promise<string>;
  /** Resolves when it is gone, within seconds. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Where the cluster lives; made when missing. As root, what is beside it may hold the binaries too. */
  readonly directory: string;
  readonly port: number;
  readonly password: string;
  readonly database?: string;
  /** Extra `postgres` arguments, such as `-c fsync=off` in tests. */
  readonly flags?: readonly string[];
  /** Takes sentences for whoever operates this. */
  readonly say?: (sentence: string) => void;
  /** Aborted, a start under way ends the server and rejects. */
  readonly signal?: AbortSignal;
}

/** Nothing of ours is for it to see: as root, it runs as a user whose other processes could read it (S30). */
const ENVIRONMENT = { LC_ALL: 'C' };

/**
 * PostgreSQL from the binaries npm carries: nothing to install, no root, loopback only. A server left running on the
 * same directory (this process was killed) is stopped first.
 * @throws SallyportError `postgres_start_failed`, `postgres_init_failed`, `postgres_still_running`, `postgres_unavailable`
 */
export async function startPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { port, password, database = 'sallyport', flags = [], say = () => undefined, signal } = options;
  const identity = postgresIdentity();
  const home = findBinaries(identity, dirname(options.directory));
  const bin = (name: string) => join(home, 'native', 'bin', name);
  const url = `postgresql://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}?schema=public`;

  if (!existsSync(join(options.directory, 'PG_VERSION')))
    await initialise(options.directory, password, bin('initdb'), identity);
  const directory = realpathSync(options.directory);
  await endLeftOver(directory, identity?.uid ?? process.getuid?.(), say);
  signal?.throwIfAborted();

  const settings = ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', ...flags];
  const child = spawn(bin('postgres'), ['-D', directory, '-p', String(port), ...settings], {
    ...identity,
    cwd: directory,
    env: ENVIRONMENT,
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true, // Ctrl-C must reach the application first, which then stops PostgreSQL
  });
  const server = watch(child);
  const stop = () => stopChild(child, server.ended);
  const onAbort = () => void stop();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const pid = await server.ready(port);
    await ensureDatabase(url, database);
    release(child);
    return { url, pid, ended: server.ended, stop };
  } catch (error) {
    await stop();
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

async function initialise(
  directory: string,
  password: string,
  initdb: string,
  identity: Identity | undefined,
): Promise<void> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const passwordFile = `${directory}.password`;
  rmSync(passwordFile, { force: true });
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600, flag: 'wx' });
  if (identity) for (const path of [directory, passwordFile]) chownSync(path, identity.uid, identity.gid);
  const args = [
    '-D',
    directory,
    '-U',
    'postgres',
    '-A',
    'scram-sha-256',
    '--pwfile',
    passwordFile,
    '-E',
    'UTF8',
    '--locale=C',
    '-N',
  ];
  try {
    await run(initdb, args, { ...identity, cwd: directory, env: ENVIRONMENT });
  } catch (cause) {
    const problem = `The database directory ${directory} could not be initialised.`;
    throw new SallyportError('postgres_init_failed', problem, { cause, detail: (cause as { stderr?: string }).stderr });
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

async function ensureDatabase(url: string, database: string): Promise<void> {
  const admin = new URL(url);
  admin.pathname = '/postgres';
  admin.search = '';
  const client = new pg.Client({ connectionString: admin.toString() });
  client.on('error', () => undefined); // the query under way fails with it
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
    if (!rowCount) await client.query(`CREATE DATABASE ${pg.escapeIdentifier(database)}`);
  } finally {
    await client.end();
  }
}

/** Characters of what the server said last that are kept, for when it ends. */
const KEPT_LOG = 8_192;

/** Lines of its log about one statement: what users store may be in them (S30). */
const HOLDS_DATA = /^\t|\b(?:ERROR|DETAIL|HINT|QUERY|CONTEXT|STATEMENT): /;

interface WatchedServer {
  readonly ended: Promise<string>;
  /** @returns its process id once it accepts connections */
  ready(port: number): Promise<number>;
}

function watch(child: ChildProcess): WatchedServer {
  let log = '';
  let onLog = (): void => undefined;
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-KEPT_LOG);
    onLog();
  });
  const lastLine = () =>
    log
      .trimEnd()
      .split('\n')
      .findLast((line) => !HOLDS_DATA.test(line)) ?? '';
  let failure: unknown;
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => {
      failure = error;
      if (child.pid === undefined) resolve(error.message);
    });
    child.once('exit', (code, signal) => resolve(`${signal === null ? `exit code ${code}` : signal}: ${lastLine()}`));
  });
  return {
    ended,
    ready: (port) =>
      new Promise((resolve, reject) => {
        onLog = () => {
          if (log.includes('ready to accept connections') && child.pid !== undefined) resolve(child.pid);
        };
        void ended.then((how) =>
          reject(
            new SallyportError('postgres_start_failed', startFailure(log, port, how), { cause: failure, detail: log }),
          ),
        );
      }),
  };
}

function startFailure(log: string, port: number, how: string): string {
  if (/could not bind|Address already in use/i.test(log))
    return `Port ${port} is taken: the embedded PostgreSQL cannot listen on it.`;
  return `PostgreSQL did not start (${how})`;
}

/** It keeps neither its process nor its pipe from letting ours end. */
function release(child: ChildProcess): void {
  child.unref();
  if (child.stderr instanceof Socket) child.stderr.unref(); // a child's pipe is a socket
}

/** PostgreSQL's shutdowns, each with milliseconds until the next: fast, immediate (it recovers at its next start), none. */
const STOPS = [
  ['SIGINT', 5_000],
  ['SIGQUIT', 2_000],
  ['SIGKILL', 1_000],
] as const;

/** Signals the child only while it is ours to signal: Node knows when it was gone, a number does not. */
async function stopChild(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  for (const [signal, milliseconds] of STOPS) {
    if (!child.kill(signal)) break;
    if (await endsWithin(milliseconds, ended)) return;
  }
}

function endsWithin(milliseconds: number, ended: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), milliseconds);
    void ended.then(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
