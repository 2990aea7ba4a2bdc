import { Secret } from '@sallyport/kernel';
import { invalidKey, readKeyFile } from './read-key-file.js';

/** 32 random bytes that wrap the keys of stored secrets. They never leave the process. */
export type MasterKey = Secret<Uint8Array>;

/** @throws SallyportError `key_unreadable`, `key_exposed` or `key_invalid`. */
export function loadMasterKey(path: string): MasterKey {
  return loadMasterKeys(path)[0];
}

/** Reads one key a line. The first is the current one; the others only open what they sealed. */
export function loadMasterKeys(path: string): readonly [MasterKey, ...MasterKey[]] {
  const what = 'master key';
  const [current = '', ...previous] = readKeyFile(path, what, { isPrivate: true })
    .trim()
    .split(/\s*\n\s*/);
  return [symmetricKey(current, path, what), ...previous.map((line) => symmetricKey(line, path, what))];
}

/** Reads 32 bytes written as base64url, such as the state key the gateways share. */
export function loadSymmetricKey(path: string, what = 'key'): Secret<Uint8Array> {
  return symmetricKey(readKeyFile(path, what, { isPrivate: true }).trim(), path, what);
}

function symmetricKey(text: string, path: string, what: string): Secret<Uint8Array> {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.length !== 32 || !/^[A-Za-z0-9_-]{43}$/.test(text))
    throw invalidKey(path, what, 'it must hold 32 bytes in base64url');
  return new Secret<Uint8Array>(bytes);
}
