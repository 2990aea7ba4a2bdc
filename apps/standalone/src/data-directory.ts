import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { SallyportError, Secret } from '@sallyport/kernel';

/** Everything one installation keeps; copying it is a backup. */
export interface DataDirectory {
  readonly path: string;
  readonly keys: string;
  readonly spool: string;
  readonly demo: string;
  readonly adminTokenFile: string;
  readonly databasePassword: Secret;
  /** Gives the directory up, so that another process may start on it. */
  release(): void;
}

/**
 * Makes the directory on the first start and claims it for this process.
 * @throws SallyportError `data_directory_unusable` (not a directory, not ours to write) or `data_directory_in_use`
 */
export function openDataDirectory(path: string): DataDirectory {
  const root = resolve(path);
  try {
    // Others may pass through (as root, PostgreSQL runs as another user below it) but not look; every secret is 0600 on its own.
    mkdirSync(root, { recursive: true, mode: 0o711 });
    if (!statSync(root).isDirectory()) throw new Error('it is not a directory');
    accessSync(root, constants.R_OK | constants.W_OK | constants.X_OK);
    for (const name of ['keys', 'spool', 'demo']) mkdirSync(join(root, name), { recursive: true, mode: 0o700 });
    const release = claim(join(root, 'process.pid'), root);
    writeOnce(join(root, 'admin-token'), () => `sp_admin_${randomBytes(32).toString('base64url')}`);
    return {
      path: root,
      keys: join(root, 'keys'),
      spool: join(root, 'spool'),
      demo: join(root, 'demo'),
      adminTokenFile: join(root, 'admin-token'),
      databasePassword: new Secret(writeOnce(join(root, 'database-password'), () => randomBytes(24).toString('base64url'))),
      release,
    };
  } catch (cause) {
    if (cause instanceof SallyportError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SallyportError('data_directory_unusable', `The data directory ${root} cannot be used (${why}): make it writable, or set SALLYPORT_DATA_DIR.`, { cause });
  }
}

function claim(file: string, root: string): () => void {
  if (existsSync(file)) {
    const pid = Number(readFileSync(file, 'utf8'));
    if (pid !== process.pid && isAlive(pid)) {
      throw new SallyportError('data_directory_in_use', `The data directory ${root} is in use by process ${pid}: stop it, or set SALLYPORT_DATA_DIR.`);
    }
  }
  writeFileSync(file, String(process.pid), { mode: 0o600 });
  return () => rmSync(file, { force: true });
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function writeOnce(file: string, make: () => string): string {
  if (!existsSync(file)) writeFileSync(file, make(), { mode: 0o600, flag: 'wx' });
  return readFileSync(file, 'utf8').trim();
}
