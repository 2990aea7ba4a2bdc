import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createUser, fromSeed } from '@nats-io/nkeys';
import { Secret } from '@sallyport/kernel';
import { MessagingError } from '../errors.js';
import { inboxPrefixOf } from './permissions.js';
import type { BusUser } from './permissions.js';

/** A new key for one replica: the seed stays with it, the public half goes into the server's configuration. */
export function createNkey(): { readonly seed: Secret; readonly publicNkey: string } {
  const pair = createUser();
  return { seed: new Secret(new TextDecoder().decode(pair.getSeed())), publicNkey: pair.getPublicKey() };
}

/**
 * Makes `<directory>/<name>.nk` (0600) for each replica that has none and returns all of them for `natsServerConfig`.
 * @throws MessagingError `nkey_unreadable`
 */
export async function ensureBusUsers(
  directory: string,
  replicas: readonly Pick<BusUser, 'role' | 'name'>[],
): Promise<BusUser[]> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  const users: BusUser[] = [];
  for (const { role, name } of replicas) {
    inboxPrefixOf(name); // refuses what cannot be a name before it becomes a path
    const file = nkeySeedFile(directory, name);
    try {
      await writeFile(file, `${createNkey().seed.reveal()}\n`, { mode: 0o600, flag: 'wx' });
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error) || error.code !== 'EEXIST') throw error;
    }
    users.push({ role, name, publicNkey: publicNkeyOf(await readNkeySeed(file), file) });
  }
  return users;
}

export function nkeySeedFile(directory: string, name: string): string {
  return join(directory, `${name}.nk`);
}

/** @throws MessagingError `nkey_unreadable` when the file is missing, unreadable or holds no user's seed */
export async function readNkeySeed(file: string): Promise<Secret> {
  let text: string;
  try {
    text = (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    throw new MessagingError('nkey_unreadable', `The nkey seed ${file} cannot be read.`, { cause });
  }
  const seed = new Secret(text);
  publicNkeyOf(seed, file);
  return seed;
}

/**
 * @param file what the error names
 * @throws MessagingError `nkey_unreadable`
 */
export function publicNkeyOf(seed: Secret, file: string): string {
  try {
    const publicKey = fromSeed(new TextEncoder().encode(seed.reveal())).getPublicKey();
    if (publicKey.startsWith('U')) return publicKey;
  } catch (cause) {
    throw new MessagingError('nkey_unreadable', `The file ${file} does not hold an nkey seed.`, { cause });
  }
  throw new MessagingError('nkey_unreadable', `The nkey seed in ${file} is not a user's.`);
}
