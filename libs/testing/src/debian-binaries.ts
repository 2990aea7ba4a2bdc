import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { SallyportError } from '@sallyport/kernel';
import { readTestEnvironment, repositoryRoot } from './environment.js';

const run = promisify(execFile);

export interface Binary {
  readonly path: string;
  /** To be set for the child process. */
  readonly env: Readonly<Record<string, string>>;
}

interface Wanted {
  readonly binary: string;
  readonly package: string;
  /** Libraries by any name a Debian or Ubuntu release gives them; those it does not have are left out. */
  readonly libraries: readonly string[];
  /** What proves that the binary runs with these libraries, and the exit code it ends with. */
  readonly probe: { readonly args: readonly string[]; readonly exitCode: number };
  /** What names a running one instead, if anything does. */
  readonly variable?: string;
}

const VERSION = { args: ['--version'], exitCode: 0 };
const wanted: Readonly<Record<'nats' | 'redis' | 'wrk' | 'nginx' | 'rsyslog' | 'prometheus', Wanted>> = {
  nats: { binary: 'nats-server', package: 'nats-server', libraries: [], probe: VERSION, variable: 'NATS_URL' },
  wrk: {
    binary: 'wrk',
    package: 'wrk',
    libraries: ['libluajit-5.1-2', 'libluajit-5.1-common', 'libluajit2-5.1-2', 'libssl3', 'libssl3t64'],
    probe: { args: ['-v'], exitCode: 1 }, // prints its version and its usage
  },
  nginx: {
    binary: 'nginx',
    package: 'nginx',
    libraries: ['libpcre2-8-0', 'libcrypt1', 'libssl3', 'libssl3t64', 'zlib1g'],
    probe: { args: ['-v'], exitCode: 0 },
  },
  rsyslog: {
    binary: 'rsyslogd',
    package: 'rsyslog',
    libraries: ['rsyslog-openssl', 'libestr0', 'libfastjson4', 'libuuid1', 'libssl3', 'libssl3t64', 'zlib1g'],
    probe: { args: ['-v'], exitCode: 0 },
  },
  prometheus: { binary: 'prometheus', package: 'prometheus', libraries: [], probe: VERSION },
  redis: {
    binary: 'redis-server',
    package: 'redis-server',
    libraries: [
      'redis-tools',
      'libjemalloc2',
      'liblzf1',
      'libatomic1',
      'liblua5.1-0',
      'lua-cjson',
      'lua-bitop',
      'libhiredis0.14',
      'libhiredis1.1.0',
      'libsystemd0',
      'libcap2',
      'libgcrypt20',
      'libgpg-error0',
      'liblz4-1',
      'liblzma5',
      'libzstd1',
    ],
    probe: VERSION,
    variable: 'REDIS_URL',
  },
};

/** A local binary, else Debian's package unpacked into the project's `.cache/`: nothing is installed on the system. */
export async function findBinary(kind: keyof typeof wanted): Promise<Binary> {
  const { binary } = wanted[kind];
  const installed = [
    ...readTestEnvironment().path.split(delimiter),
    '/usr/sbin',
    '/usr/local/bin',
    '/usr/local/sbin',
    '/opt/homebrew/bin',
  ]
    .map((folder) => join(folder, binary))
    .find(executable);
  if (installed !== undefined) return { path: installed, env: {} };
  const unpacked = join(repositoryRoot, '.cache', 'debian', kind);
  if (!existsSync(unpacked)) await unpackPackages(wanted[kind], unpacked);
  return inside(unpacked, binary);
}

function inside(unpacked: string, binary: string): Binary {
  const path = ['usr/bin', 'usr/sbin'].map((folder) => join(unpacked, folder, binary)).find(executable);
  if (path === undefined)
    throw new SallyportError(
      'test_prerequisite_missing',
      `${unpacked} holds no ${binary}: remove that folder and run again.`,
    );
  return { path, env: { LD_LIBRARY_PATH: libraryFolders(unpacked).join(delimiter) } };
}

async function unpackPackages(want: Wanted, destination: string): Promise<void> {
  const cache = join(repositoryRoot, '.cache', 'debian');
  mkdirSync(cache, { recursive: true });
  const staging = mkdtempSync(join(cache, 'unpacking-'));
  try {
    await download(want, staging, cache);
    const root = join(staging, 'root');
    for (const archive of readdirSync(staging).filter((name) => name.endsWith('.deb')))
      await run('dpkg', ['-x', join(staging, archive), root]);
    await probe(inside(root, want.binary), want);
    if (!existsSync(destination)) renameSync(root, destination);
  } catch (cause) {
    if (existsSync(destination)) return; // another process was faster
    throw new SallyportError(
      'test_prerequisite_missing',
      `This needs ${want.binary}: ${want.variable === undefined ? '' : `set ${want.variable}, or `}run "apt-get ` +
        `install ${want.package}" (Debian's package could not be fetched).`,
      { cause, detail: cause },
    );
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

async function probe({ path, env }: Binary, want: Wanted): Promise<void> {
  const exitCode = await run(path, [...want.probe.args], { env }).then(
    () => 0,
    (error: unknown) => {
      if (isExitCode(error)) return error.code;
      throw error;
    },
  );
  if (exitCode !== want.probe.exitCode)
    throw new Error(`${want.binary} ${want.probe.args.join(' ')} ended with exit code ${exitCode}`);
}

async function download(want: Wanted, into: string, cache: string): Promise<void> {
  const fetchAll = async (options: readonly string[]): Promise<void> => {
    // Fails when some are unknown, and prints the others all the same.
    const { stdout } = await run('apt-cache', [
      ...options,
      '--no-all-versions',
      'show',
      want.package,
      ...want.libraries,
    ]).catch((error: unknown) => {
      if (isExitCode(error) && 'stdout' in error && typeof error.stdout === 'string') return { stdout: error.stdout };
      throw error;
    });
    const known = [...stdout.matchAll(/^Package: (.+)$/gm)].map((match) => match[1] ?? '');
    await run('apt-get', [...options, 'download', ...new Set([want.package, ...known])], { cwd: into });
  };
  try {
    await fetchAll([]);
  } catch (error) {
    if (!isExitCode(error)) throw error;
    // The package lists are missing or old, and only root could refresh the system's: keep our own.
    const options = ['-o', `Dir::State::Lists=${join(cache, 'lists')}`, '-o', `Dir::Cache=${join(cache, 'apt')}`];
    mkdirSync(join(cache, 'lists', 'partial'), { recursive: true });
    mkdirSync(join(cache, 'apt', 'archives', 'partial'), { recursive: true });
    await run('apt-get', [...options, 'update']);
    await fetchAll(options);
  }
}

/** The program ran and said no, as opposed to not being there. */
function isExitCode(error: unknown): error is Error & { readonly code: number } {
  return error instanceof Error && 'code' in error && typeof error.code === 'number';
}

function libraryFolders(root: string): string[] {
  return ['lib', 'usr/lib'].flatMap((folder) => {
    const path = join(root, folder);
    return existsSync(path)
      ? [
          path,
          ...readdirSync(path)
            .filter((name) => name.endsWith('-linux-gnu'))
            .map((name) => join(path, name)),
        ]
      : [];
  });
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // absence is an answer
  }
}
