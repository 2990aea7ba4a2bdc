import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { calculateJwkThumbprint, type JWK } from 'jose';
import { SallyportError } from '@sallyport/kernel';
import { loadMasterKey, loadSymmetricKey } from './load-symmetric-key.js';
import { invalidKey, readKeyFile } from './read-key-file.js';

/** Where each key of a deployment lives; a process is given only the files it needs. */
export interface DeploymentKeyFiles {
  readonly master: string;
  readonly configurationSigning: string;
  readonly configurationSigningPublic: string;
  readonly lease: string;
  readonly leasePublic: string;
  readonly leaseSigning: string;
  readonly leaseSigningPublic: string;
  readonly gatewayState: string;
  /** The folder of enrolled replicas: `<name>.pub.jwk` each, and their private halves where replicas share this disk. */
  readonly gateways: string;
  readonly gatewayKey: (replica: string) => string;
}

/**
 * Makes what is missing (directories 0700, files 0600) and leaves alone what is there; two processes starting at once
 * agree on one set. A public half is derived again from its private one when it was lost.
 * @throws SallyportError `key_directory_unusable`, `key_unreadable`, `key_exposed` or `key_invalid`.
 */
export async function ensureDeploymentKeys(directory: string, { gateways }: { gateways: readonly string[] }): Promise<DeploymentKeyFiles> {
  const files: DeploymentKeyFiles = {
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
  for (const folder of [directory, files.gateways]) makePrivateFolder(folder);
  for (const path of [files.master, files.gatewayState]) writeOnce(path, () => `${randomBytes(32).toString('base64url')}\n`);
  loadMasterKey(files.master);
  loadSymmetricKey(files.gatewayState, 'gateway state key');
  await ensurePair(files.configurationSigning, files.configurationSigningPublic, 'ed25519');
  await ensurePair(files.leaseSigning, files.leaseSigningPublic, 'ed25519');
  await ensurePair(files.lease, files.leasePublic, 'P-256');
  for (const replica of gateways) {
    if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(replica)) throw new SallyportError('key_invalid', `A replica's name is lower-case letters, digits and single hyphens, not "${replica}".`);
    await ensurePair(files.gatewayKey(replica), join(files.gateways, `${replica}.pub.jwk`), 'ed25519');
  }
  return files;
}

function makePrivateFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chmodSync(folder, 0o700);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    throw new SallyportError('key_directory_unusable', `The key directory ${folder} cannot be used (${code}).`, { cause });
  }
}

async function ensurePair(privatePath: string, publicPath: string, curve: 'ed25519' | 'P-256'): Promise<void> {
  writeOnce(privatePath, () => {
    const { privateKey } = curve === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: curve });
    return `${JSON.stringify(privateKey.export({ format: 'jwk' }))}\n`;
  });
  if (existsSync(publicPath)) return;
  const publicJwk = publicHalf(privatePath);
  const kid = await calculateJwkThumbprint(publicJwk);
  writeOnce(publicPath, () => `${JSON.stringify({ ...publicJwk, kid })}\n`);
}

function publicHalf(privatePath: string): JWK {
  const text = readKeyFile(privatePath, 'private key', { isPrivate: true });
  try {
    return createPublicKey(createPrivateKey({ key: JSON.parse(text), format: 'jwk' })).export({ format: 'jwk' });
  } catch (cause) {
    throw Object.assign(invalidKey(privatePath, 'private key', 'it is not a private JWK'), { cause });
  }
}

/** Appears under its name complete or not at all, and never over an existing file. */
function writeOnce(path: string, content: () => string): void {
  if (existsSync(path)) return;
  const draft = `${path}.${process.pid}.${randomBytes(6).toString('hex')}`;
  try {
    writeFileSync(draft, content(), { mode: 0o600, flag: 'wx', flush: true });
    try {
      linkSync(draft, path);
    } catch (cause) {
      if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause;
    }
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    throw new SallyportError('key_directory_unusable', `The key file ${path} cannot be written (${code}).`, { cause });
  } finally {
    rmSync(draft, { force: true });
  }
}
