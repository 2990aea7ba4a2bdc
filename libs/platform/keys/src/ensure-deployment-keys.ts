import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { SallyportError } from '@sallyport/kernel';
import { loadMasterKeys, loadSymmetricKey } from './load-symmetric-key.js';
import { invalidKey, readKeyFile } from './read-key-file.js';
import { writeOnce } from './write-once.js';

/** The files of a deployment's keys. A process gets only those that it needs. */
export interface DeploymentKeyFiles {
  readonly master: string;
  readonly configurationSigning: string;
  readonly configurationSigningPublic: string;
  readonly lease: string;
  readonly leasePublic: string;
  readonly leaseSigning: string;
  readonly leaseSigningPublic: string;
  readonly gatewayState: string;
  /** The folder of enrolled gateways: `<name>.pub.jwk` for each, and `<name>.jwk` where they share this disk. */
  readonly gateways: string;
  readonly gatewayKey: (replica: string) => string;
}

export interface EnsureKeysOptions {
  /** The names of the gateways that get a key here. */
  readonly gateways: readonly string[];
  /** Whether the database exists already. Then a missing master key was lost, and a new one would not open the data. */
  readonly hasDatabase?: boolean;
  /** Called with a sentence about each lost key that is made anew. */
  readonly say?: (sentence: string) => void;
}

interface KeyPair {
  readonly privatePath: string;
  readonly publicPath: string;
  readonly curve: 'ed25519' | 'P-256';
  /** The consequence of a new pair, as the end of a sentence after "and". */
  readonly lost: string;
}

/**
 * Makes the missing keys of a deployment (directories 0700, files 0600) and changes none that exists. Two processes
 * that start at once agree on one set. A lost public half is derived from its private one. All files are checked before
 * any is written, so a refusal leaves the directory as it was.
 * @throws SallyportError `key_missing`, `key_pair_mismatched`, `key_directory_unusable`, `key_unreadable`,
 * `key_exposed` or `key_invalid`
 */
export async function ensureDeploymentKeys(directory: string, options: EnsureKeysOptions): Promise<DeploymentKeyFiles> {
  const files = filesIn(directory);
  const pairs = pairsOf(files, options.gateways);
  const kept = [
    files.master,
    files.gatewayState,
    ...pairs.flatMap(({ privatePath, publicPath }) => [privatePath, publicPath]),
  ].filter((path) => existsSync(path));
  refuseLostMasterKey(files.master, kept, options.hasDatabase === true);
  for (const pair of pairs) refuseHalfAPair(pair);
  if (existsSync(files.gatewayState)) loadSymmetricKey(files.gatewayState, 'gateway state key');

  for (const folder of [directory, files.gateways]) makePrivateFolder(folder);
  // The master key comes first: if it is missing while another key exists, somebody lost it.
  const made = [files.master, files.gatewayState].filter((path) =>
    writeOnce(path, () => `${randomBytes(32).toString('base64url')}\n`),
  );
  for (const pair of pairs) if (await completePair(pair)) made.push(pair.privatePath);
  if (kept.length > 0)
    for (const path of made)
      options.say?.(
        `The key ${path} was not there and is made anew` +
          `${path === files.gatewayState ? ': open MCP sessions start over' : ''}.`,
      );
  return files;
}

function filesIn(directory: string): DeploymentKeyFiles {
  return {
    master: join(directory, 'master.key'),
    configurationSigning: join(directory, 'configuration-signing.jwk'),
    configurationSigningPublic: join(directory, 'configuration-signing.pub.jwk'),
    lease: join(directory, 'lease.jwk'),
    leasePublic: join(directory, 'lease.pub.jwk'),
    leaseSigning: join(directory, 'lease-signing.jwk'),
    leaseSigningPublic: join(directory, 'lease-signing.pub.jwk'),
    gatewayState: join(directory, 'gateway-state.key'),
    gateways: join(directory, 'gateways'),
    gatewayKey: (replica) => join(directory, 'gateways', `${replica}.jwk`),
  };
}

function pairsOf(files: DeploymentKeyFiles, gateways: readonly string[]): readonly KeyPair[] {
  const refused = (what: string) =>
    `a process with a copy of the old public half refuses ${what} until it has the new one`;
  return [
    {
      privatePath: files.configurationSigning,
      publicPath: files.configurationSigningPublic,
      curve: 'ed25519',
      lost: refused('all configuration'),
    },
    {
      privatePath: files.leaseSigning,
      publicPath: files.leaseSigningPublic,
      curve: 'ed25519',
      lost: refused('all leases'),
    },
    {
      privatePath: files.lease,
      publicPath: files.leasePublic,
      curve: 'P-256',
      lost: 'gateways with a copy of the old public half get no leases until they have the new one',
    },
    ...gateways.map((replica): KeyPair => {
      if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(replica))
        throw new SallyportError(
          'key_invalid',
          `A replica's name is lower-case letters, digits and single hyphens, not "${replica}".`,
        );
      return {
        privatePath: files.gatewayKey(replica),
        publicPath: join(files.gateways, `${replica}.pub.jwk`),
        curve: 'ed25519',
        lost: `the gateway ${replica}, if it runs elsewhere with the old one, gets no leases`,
      };
    }),
  ];
}

function refuseLostMasterKey(master: string, kept: readonly string[], hasDatabase: boolean): void {
  if (kept.includes(master)) return void loadMasterKeys(master);
  const [other] = kept;
  if (other === undefined && !hasDatabase) return;
  const evidence =
    other === undefined ? 'the database it belongs to is' : `other keys of its deployment (${other}) are`;
  throw new SallyportError(
    'key_missing',
    `The master key ${master} is missing, and ${evidence} there. Nothing was changed. ` +
      'Restore the file from a backup: the stored secrets cannot be opened without it. ' +
      'To start over with nothing, remove the keys and the database.',
  );
}

function refuseHalfAPair({ privatePath, publicPath, lost }: KeyPair): void {
  const [hasPrivate, hasPublic] = [existsSync(privatePath), existsSync(publicPath)];
  if (!hasPrivate && hasPublic)
    throw new SallyportError(
      'key_missing',
      `The private key ${privatePath} is missing, and its public half ${publicPath} is there. Nothing was changed. ` +
        'Restore the private key from a backup, or remove the public half, too: ' +
        `then a new pair is made, and ${lost}.`,
    );
  if (!hasPrivate) return;
  const derived = publicHalf(privatePath);
  if (!hasPublic || isSameKey(derived, readPublicHalf(publicPath))) return;
  throw new SallyportError(
    'key_pair_mismatched',
    `The key ${publicPath} is not the public half of ${privatePath}. Nothing was changed. ` +
      'Restore the one that is wrong from a backup; if the private key is right, remove the public half: ' +
      'it is derived again.',
  );
}

function isSameKey(one: JWK, other: JWK): boolean {
  return (['kty', 'crv', 'x', 'y'] as const).every((member) => one[member] === other[member]);
}

function makePrivateFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    throw new SallyportError('key_directory_unusable', `The key directory ${folder} cannot be used (${code}).`, {
      cause,
    });
  }
}

/** Makes what is missing of a pair. @returns whether the pair is new */
async function completePair({ privatePath, publicPath, curve }: KeyPair): Promise<boolean> {
  const isNew = writeOnce(privatePath, () => {
    const { privateKey } =
      curve === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: curve });
    return `${JSON.stringify(privateKey.export({ format: 'jwk' }))}\n`;
  });
  if (existsSync(publicPath)) return isNew;
  const publicJwk = publicHalf(privatePath);
  const kid = await calculateJwkThumbprint(publicJwk);
  writeOnce(publicPath, () => `${JSON.stringify({ ...publicJwk, kid })}\n`);
  return isNew;
}

function publicHalf(privatePath: string): JWK {
  const text = readKeyFile(privatePath, 'private key', { isPrivate: true });
  try {
    return createPublicKey(createPrivateKey({ key: JSON.parse(text), format: 'jwk' })).export({ format: 'jwk' });
  } catch (cause) {
    throw Object.assign(invalidKey(privatePath, 'private key', 'it is not a private JWK'), { cause });
  }
}

function readPublicHalf(publicPath: string): JWK {
  const text = readKeyFile(publicPath, 'public key', { isPrivate: false });
  try {
    return createPublicKey({ key: JSON.parse(text), format: 'jwk' }).export({ format: 'jwk' });
  } catch (cause) {
    throw Object.assign(invalidKey(publicPath, 'public key', 'it is not a JWK'), { cause });
  }
}
