import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { migrateDeploy } from '@sallyport/database';
import { isReachableByOthers, startPostgres } from '@sallyport/embedded-postgres';
import { Secret } from '@sallyport/kernel';
import type { DataDirectory } from './data-directory.js';

export interface RunningDatabase {
  readonly url: Secret;
  readonly stop: () => Promise<void>;
}

/** The embedded PostgreSQL of this data directory, or the one the environment names; migrated. */
export async function openDatabase(data: DataDirectory, { port, ownUrl }: { port: number; ownUrl: string | undefined }): Promise<RunningDatabase> {
  if (ownUrl !== undefined) {
    await migrateDeploy(ownUrl);
    return { url: new Secret(ownUrl), stop: () => Promise.resolve() };
  }
  const postgres = await startPostgres({ directory: clusterDirectory(data.path), port, password: data.databasePassword.reveal() });
  try {
    await migrateDeploy(postgres.url);
  } catch (error) {
    await postgres.stop();
    throw error;
  }
  return { url: new Secret(postgres.url), stop: () => postgres.stop() };
}

/**
 * Below the data directory. Started as root, PostgreSQL runs as another user, who may not be able to enter (a
 * container's `/root`): then below `/var/lib`, under a name made from the data directory's path.
 */
function clusterDirectory(dataDirectory: string): string {
  const own = join(dataDirectory, 'postgres');
  if (process.getuid?.() !== 0 || isReachableByOthers(dataDirectory)) return own;
  const parent = join('/var/lib/sallyport', createHash('sha256').update(dataDirectory).digest('hex').slice(0, 16));
  mkdirSync(parent, { recursive: true, mode: 0o755 });
  return join(parent, 'postgres');
}
