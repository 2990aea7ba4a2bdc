import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { basename, dirname, join } from 'node:path';
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
  /** Resolves when the server has ended, for whatever reason, with words that say how. */
  readonly ended: Promise<string>;
  /** Stops the server. Resolves within seconds. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** The folder of the cluster, made when missing. If we are root, the binaries may be copied beside it. */
  readonly directory: string;
  readonly port: number;
  readonly password: string;
  readonly database?: string;
  /** Extra `postgres` arguments, such as `-c fsync=off` in tests. */
  readonly flags?: readonly string[];
  /** Called with sentences for the operator. */
  readonly say?: (sentence: string) => void;
  /** Aborts a start: the server ends, and the start rejects. */
  readonly signal?: AbortSignal;
}

/** PostgreSQL gets nothing of our environment: other processes of the user it runs as could read that (S30). */
const ENVIRONMENT = { LC_ALL: 'C' };

/**
 * Starts PostgreSQL from the binaries in node_modules: nothing to install, no root, loopback only. It first stops a
 * server that a killed process left on the same directory.
 * @throws SallyportError `postgres_start_failed`, `postgres_init_failed`, `postgres_still_running` or
 * `postgres_unavailable`
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
  endWithUs(child, server.ended);
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

/**
 * Makes the cluster under another name and renames it when it is whole. If the process or `initdb` ends in the middle,
 * the next start finds no cluster and makes one. An existing folder (a mount point, a link) cannot be renamed over:
 * there it makes the cluster in place.
 */
async function initialise(
  directory: string,
  password: string,
  initdb: string,
  identity: Identity | undefined,
): Promise<void> {
  const parent = dirname(directory);
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  const unfinished = `${basename(directory)}.new-`;
  for (const name of readdirSync(parent))
    if (name.startsWith(unfinished)) rmSync(join(parent, name), { recursive: true, force: true });
  const making = mkdtempSync(join(parent, unfinished));
  const passwordFile = `${making}.password`;
  const cluster = existsSync(directory) ? directory : making;
  const args = [
    '-D',
    cluster,
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
    writeFileSync(passwordFile, `${password}\n`, { mode: 0o600, flag: 'wx' });
    if (identity) for (const path of [cluster, passwordFile]) chownSync(path, identity.uid, identity.gid);
    await run(initdb, args, { ...identity, cwd: cluster, env: ENVIRONMENT });
    if (cluster === making) renameSync(making, directory);
  } catch (cause) {
    const problem = `The database directory ${directory} could not be initialised${whyOf(cause)}.`;
    throw new SallyportError('postgres_init_failed', problem, { cause, detail: (cause as { stderr?: string }).stderr });
  } finally {
    for (const path of [passwordFile, making]) rmSync(path, { recursive: true, force: true });
  }
}

/** The first failure that `initdb` or PostgreSQL names, or the system's error for a file. None of it is users' data. */
function whyOf(cause: unknown): string {
  const { stderr, code, message } = cause as { stderr?: string; code?: unknown; message?: string };
  const [, said] = /(?:FATAL|PANIC|error):\s+(.+)/.exec(stderr ?? '') ?? [];
  const why = said ?? (typeof code === 'string' ? message : undefined);
  return why === undefined ? '' : ` (${why})`;
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

/** How many of the last characters of the server's log are kept to say why it ended. */
const KEPT_LOG = 8_192;

/** Lines of its log about a statement, which may hold users' data (S30). */
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

/** Lets our process end while the server's process and pipe are open. */
function release(child: ChildProcess): void {
  child.unref();
  if (child.stderr instanceof Socket) child.stderr.unref(); // a child's pipe is a socket
}

/** Ends the server with our process, even after a second Ctrl-C. It then recovers at its next start. */
function endWithUs(child: ChildProcess, ended: Promise<unknown>): void {
  const end = () => void child.kill('SIGQUIT');
  process.once('exit', end);
  void ended.then(() => process.off('exit', end));
}

/** PostgreSQL's shutdowns, with the milliseconds until the next: fast, immediate (with a recovery later), none. */
const STOPS = [
  ['SIGINT', 5_000],
  ['SIGQUIT', 2_000],
  ['SIGKILL', 1_000],
] as const;

/** Stops the child. `kill` signals only a child that still runs: Node knows that, while a process id may be reused. */
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
