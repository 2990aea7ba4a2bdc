import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { calculateJwkThumbprint, importJWK, type CryptoKey, type JWK } from 'jose';
import { SallyportError } from '@sallyport/kernel';
import { invalidKey, readKeyFile } from './read-key-file.js';

/** An Ed25519 key that signs compact JWS with `alg: EdDSA` (RFC 8037). */
export interface SigningKeyPair {
  readonly kid: string;
  readonly algorithm: 'EdDSA';
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}
export interface VerifyingKey {
  readonly kid: string;
  readonly publicKey: CryptoKey;
  readonly publicJwk: JWK;
}
/** A P-256 key for ECDH-ES (RFC 7518 section 4.6). It opens what is sealed to its public half. */
export interface DecryptionKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
}
export interface EncryptionKey {
  readonly kid: string;
  readonly publicKey: CryptoKey;
}
/** The public keys of the enrolled gateways, by name. A removed file counts at the next `find`. */
export interface EnrolledKeys {
  find(replica: string): Promise<CryptoKey | undefined>;
  names(): readonly string[];
}

const ed25519 = { kty: 'OKP', crv: 'Ed25519', algorithm: 'EdDSA' } as const;
const p256 = { kty: 'EC', crv: 'P-256', algorithm: 'ECDH-ES' } as const;
type KeyShape = typeof ed25519 | typeof p256;

/**
 * Loads the private half of an Ed25519 pair. Each loader here throws SallyportError `key_unreadable`, `key_exposed` or
 * `key_invalid`, whose message is one line that names the file.
 */
export async function loadSigningKey(path: string): Promise<SigningKeyPair> {
  const { jwk, key, kid } = await load(path, 'signing key', ed25519, 'private');
  const { d: _private, ...publicJwk } = jwk;
  return { kid, algorithm: 'EdDSA', privateKey: key, publicJwk };
}

export async function loadVerifyingKey(path: string): Promise<VerifyingKey> {
  const { jwk, key, kid } = await load(path, 'verification key', ed25519, 'public');
  return { kid, publicKey: key, publicJwk: jwk };
}

export async function loadDecryptionKey(path: string): Promise<DecryptionKey> {
  const { key, kid } = await load(path, 'decryption key', p256, 'private');
  return { kid, privateKey: key };
}

export async function loadEncryptionKey(path: string): Promise<EncryptionKey> {
  const { key, kid } = await load(path, 'encryption key', p256, 'public');
  return { kid, publicKey: key };
}

const SUFFIX = '.pub.jwk';

/** Reads enrolled keys when they are asked for. @param directory has a file `<replica>.pub.jwk` for each gateway */
export function loadEnrolledKeys(directory: string): EnrolledKeys {
  const known = new Map<string, { changedAtMs: number; key: CryptoKey }>();
  return {
    names: () =>
      readdirSync(directory)
        .filter((file) => file.endsWith(SUFFIX))
        .map((file) => file.slice(0, -SUFFIX.length)),
    async find(replica) {
      if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(replica)) return undefined;
      const path = join(directory, `${replica}${SUFFIX}`);
      const changedAtMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
      if (changedAtMs === undefined) {
        known.delete(replica);
        return undefined;
      }
      const remembered = known.get(replica);
      if (remembered?.changedAtMs === changedAtMs) return remembered.key;
      const { publicKey } = await loadVerifyingKey(path);
      known.set(replica, { changedAtMs, key: publicKey });
      return publicKey;
    },
  };
}

async function load(
  path: string,
  what: string,
  shape: KeyShape,
  half: 'private' | 'public',
): Promise<{ jwk: JWK; key: CryptoKey; kid: string }> {
  const text = readKeyFile(path, what, { isPrivate: half === 'private' });
  let jwk: JWK;
  try {
    jwk = JSON.parse(text) as JWK;
  } catch (cause) {
    throw new SallyportError('key_invalid', `The ${what} ${path} is not usable: it is not JSON.`, { cause });
  }
  if (jwk.kty !== shape.kty || jwk.crv !== shape.crv)
    throw invalidKey(path, what, `it must be a JWK with kty ${shape.kty} and crv ${shape.crv}`);
  if (half === 'private' && jwk.d === undefined) throw invalidKey(path, what, 'it holds only the public half');
  if (half === 'public' && jwk.d !== undefined)
    throw invalidKey(path, what, 'it holds a private key where the public half belongs');
  try {
    const key = await importJWK(jwk, shape.algorithm);
    if (key instanceof Uint8Array) throw invalidKey(path, what, 'it is symmetric');
    return { jwk, key, kid: jwk.kid ?? (await calculateJwkThumbprint(jwk)) };
  } catch (cause) {
    if (cause instanceof SallyportError) throw cause;
    throw new SallyportError('key_invalid', `The ${what} ${path} is not usable: it cannot be imported.`, { cause });
  }
}
