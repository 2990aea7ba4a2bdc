import { randomBytes } from 'node:crypto';
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { ensureOwnFolder, findProcess } from '@sallyport/embedded-postgres';
import { SallyportError, Secret } from '@sallyport/kernel';
import { writeOnce } from '@sallyport/keys';

/** Everything one installation keeps; copying it is a backup. */
export interface DataDirectory {
  readonly path: string;
  readonly keys: string;
  readonly spool: string;
  readonly demo: string;
  /** Where log streams of kind `file` write. */
  readonly logStreams: string;
  /**
   * The secrets that have no other half, made when they are missing; `say` is told when one is missing where others
   * are.
   */
  secrets(say: (sentence: string) => void): DataDirectorySecrets;
  /** Notes where the services are, for whoever finds the directory: `addresses.json`, gone once it is given up. */
  announce(addresses: Readonly<Record<string, string>>): void;
  /** Gives the directory up, so that another process may start on it. */
  release(): void;
}

export interface DataDirectorySecrets {
  readonly adminToken: Secret;
  readonly adminTokenFile: string;
  readonly databasePassword: Secret;
}

/**
 * Makes the directory on the first start and claims it for this process. Writes no secret: that is for when everything
 * there is to refuse was looked at.
 * @throws SallyportError `data_directory_unusable` (not a directory, not ours alone) or `data_directory_in_use`
 */
export function openDataDirectory(path: string): DataDirectory {
  const root = resolve(path);
  return asUnusable(root, () => {
    // Others may pass through (as root, PostgreSQL runs as another user below it) but not look; every secret is 0600 on
    // its own.
    ensureOwnFolder(root, 0o711);
    if (!statSync(root).isDirectory()) throw new Error('it is not a directory');
    accessSync(root, constants.R_OK | constants.W_OK | constants.X_OK);
    for (const name of ['keys', 'spool', 'demo', 'log-streams'])
      mkdirSync(join(root, name), { recursive: true, mode: 0o700 });
    const release = claim(join(root, 'process.pid'), root);
    rmSync(addressesFile(root), { force: true }); // of a process that was killed
    return {
      path: root,
      keys: join(root, 'keys'),
      spool: join(root, 'spool'),
      demo: join(root, 'demo'),
      logStreams: join(root, 'log-streams'),
      secrets: (say) => asUnusable(root, () => secretsIn(root, say)),
      announce: (addresses) => asUnusable(root, () => writeAddresses(root, addresses)),
      release() {
        rmSync(addressesFile(root), { force: true });
        release();
      },
    };
  });
}

function secretsIn(root: string, say: (sentence: string) => void): DataDirectorySecrets {
  const [token, password] = [adminTokenFile(root), databasePasswordFile(root)];
  if (!existsSync(token) && existsSync(password))
    say(`The file ${token} was not there and is made anew: the old one is good no more.`);
  return {
    adminTokenFile: token,
    adminToken: new Secret(keep(token, () => `sp_admin_${randomBytes(32).toString('base64url')}`)),
    databasePassword: new Secret(keep(password, () => randomBytes(24).toString('base64url'))),
  };
}

const addressesFile = (root: string): string => join(root, 'addresses.json');

/** Whole or not at all: somebody may read it at any moment. */
function writeAddresses(root: string, addresses: Readonly<Record<string, string>>): void {
  const beside = `${addressesFile(root)}.new`;
  writeFileSync(beside, `${JSON.stringify(addresses, null, 2)}\n`, { mode: 0o600 });
  renameSync(beside, addressesFile(root));
}

const adminTokenFile = (root: string): string => join(root, 'admin-token');
export const databasePasswordFile = (root: string): string => join(root, 'database-password');

function asUnusable<T>(root: string, use: () => T): T {
  try {
    return use();
  } catch (cause) {
    if (cause instanceof SallyportError && cause.code !== 'key_directory_unusable') throw cause;
    const why = cause instanceof Error ? cause.message.replace(/\.$/, '') : String(cause);
    throw new SallyportError(
      'data_directory_unusable',
      `The data directory ${root} cannot be used (${why}): make it writable, or set SALLYPORT_DATA_DIR.`,
      { cause },
    );
  }
}

/** One process at a time: its number is in the file, and counts only while its writer lives. */
function claim(file: string, root: string): () => void {
  for (let attempt = 1; !writeOnce(file, () => String(process.pid)); attempt++) {
    const holder = readFileSync(file, 'utf8').trim();
    if (holder === String(process.pid)) break;
    if (attempt === 3 || isWriterOf(file, Number(holder))) {
      const problem =
        `The data directory ${root} is in use by process ${holder}: stop it, or set ` +
        `SALLYPORT_DATA_DIR. If that process is not Sallyport, remove ${file}.`;
      throw new SallyportError('data_directory_in_use', problem);
    }
    rmSync(file, { force: true });
  }
  return () => {
    if (existsSync(file) && readFileSync(file, 'utf8').trim() === String(process.pid)) rmSync(file, { force: true });
  };
}

/**
 * Between a process's start and its writing of the file at least as much time passed as clocks and file systems round
 * away.
 */
const ROUNDING_MS = 2_000;

/**
 * Whoever has the number now wrote the file only if it had started by then; of a process the system hides we assume it
 * did.
 */
function isWriterOf(file: string, pid: number): boolean {
  const lookup = findProcess(pid);
  if (lookup.state !== 'found') return lookup.state === 'hidden';
  return lookup.process.startedAtMs <= statSync(file).mtimeMs + ROUNDING_MS;
}

function keep(file: string, make: () => string): string {
  writeOnce(file, make);
  return readFileSync(file, 'utf8').trim();
}
