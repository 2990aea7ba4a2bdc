import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { migrateDeploy, migrationsDirectory } from '@sallyport/database';
import { ensureOwnFolder, isReachableByOthers, KeptPostgres } from '@sallyport/embedded-postgres';
import type { ProcessScope } from '@sallyport/process';
import { SallyportError, Secret } from '@sallyport/kernel';
import { databasePasswordFile } from './data-directory.js';

/**
 * Where this installation's database is: a server of ours below the data directory, or one that the environment names.
 */
export type DatabasePlace =
  | { readonly kind: 'embedded'; readonly directory: string; readonly hasData: boolean }
  | { readonly kind: 'own'; readonly url: string };

/**
 * Writes nothing.
 * @throws SallyportError `database_password_missing`
 */
export function findDatabase(dataDirectory: string, ownUrl: string | undefined): DatabasePlace {
  if (ownUrl !== undefined) return { kind: 'own', url: ownUrl };
  const directory = clusterDirectory(dataDirectory);
  const hasData = existsSync(join(directory, 'PG_VERSION'));
  const password = databasePasswordFile(dataDirectory);
  if (hasData && !existsSync(password)) {
    const problem =
      `The file ${password} is missing, and the database it opens, ${directory}, is there. Nothing ` +
      `was changed. Restore the file from a backup, or remove the database, too, to start over with nothing.`;
    throw new SallyportError('database_password_missing', problem);
  }
  return { kind: 'embedded', directory, hasData };
}

/**
 * Below the data directory. Started as root, PostgreSQL runs as another user, who may not be able to enter (a
 * container's `/root`): then below `/var/lib`, under a name made from the data directory's path.
 */
function clusterDirectory(dataDirectory: string): string {
  if (process.getuid?.() !== 0 || isReachableByOthers(dataDirectory)) return join(dataDirectory, 'postgres');
  return join(ROOTS_OWN, createHash('sha256').update(dataDirectory).digest('hex').slice(0, 16), 'postgres');
}

const ROOTS_OWN = '/var/lib/sallyport';

/** @returns whether there was nothing in it: every migration was applied just now */
export async function migrateOwn(url: string): Promise<{ readonly isNew: boolean }> {
  const applied = await migrateDeploy(url);
  const [first] = readdirSync(migrationsDirectory).toSorted();
  return { isNew: first !== undefined && applied.includes(first) };
}

/**
 * Its URL, once it is migrated. An embedded one is kept up for as long as the process lives, or else ends the process.
 * @throws SallyportError as the embedded PostgreSQL does
 */
export async function openDatabase(
  place: DatabasePlace,
  { port, password, scope }: { port: number; password: Secret; scope: Pick<ProcessScope, 'onClose' | 'say' | 'stop'> },
): Promise<Secret> {
  if (place.kind === 'own') return new Secret(place.url);
  const { directory } = place;
  if (directory.startsWith(`${ROOTS_OWN}/`))
    for (const folder of [ROOTS_OWN, dirname(directory)]) ensureOwnFolder(folder, 0o755);
  const onGivenUp = (sentence: string) => {
    scope.say(sentence);
    scope.stop(1);
  };
  const postgres = new KeptPostgres({ directory, port, password: password.reveal(), say: scope.say, onGivenUp });
  scope.onClose('database', () => postgres.stop());
  const url = await postgres.start();
  await migrateDeploy(url);
  return new Secret(url);
}
