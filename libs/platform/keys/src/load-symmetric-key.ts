import { Secret } from '@sallyport/kernel';
import { invalidKey, readKeyFile } from './read-key-file.js';

/** 32 random bytes everything stored is sealed under; never leaves the process. */
export type MasterKey = Secret<Uint8Array>;

/** @throws SallyportError `key_unreadable`, `key_exposed` or `key_invalid`. */
export function loadMasterKey(path: string): MasterKey {
  return loadSymmetricKey(path, 'master key');
}

/** Reads 32 bytes written as base64url, such as the state key the gateways share. */
export function loadSymmetricKey(path: string, what = 'key'): Secret<Uint8Array> {
  const text = readKeyFile(path, what, { isPrivate: true }).trim();
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.length !== 32 || !/^[A-Za-z0-9_-]{43}$/.test(text)) throw invalidKey(path, what, 'it must hold 32 bytes in base64url');
  return new Secret<Uint8Array>(bytes);
}
