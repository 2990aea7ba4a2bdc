import { createHash, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';

/** Of Ed25519 in signed notes (C2SP signed-note). */
const ED25519 = Buffer.of(1);
const KEY_BYTES = 32;
const ID_BYTES = 4;
const SIGNATURE_BYTES = 64;
/** A public key of Ed25519 in DER begins like this (RFC 8410 §4). */
const DER_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const MOST_SIGNATURES = 16;

/** A key that verifies notes. */
export interface NoteKey {
  /** Who signs: no space, no plus. */
  readonly name: string;
  /** Eight hexadecimal digits. */
  readonly id: string;
  readonly publicKey: KeyObject;
}

/** Why a note is not taken. */
export type NoteRefusal = 'malformed' | 'unsigned' | 'foreign-key' | 'forged';

export function noteKey(name: string, publicKey: KeyObject): NoteKey {
  return { name, id: idOf(name, rawKey(publicKey)), publicKey };
}

/** For example `control.example/audit+1f2e3d4c+AZ…` (C2SP signed-note, verifier keys). */
export const writeNoteKey = ({ name, id, publicKey }: NoteKey): string =>
  `${name}+${id}+${Buffer.concat([ED25519, rawKey(publicKey)]).toString('base64')}`;

/** @returns `undefined` for what is no verifier key of Ed25519 */
export function readNoteKey(text: string): NoteKey | undefined {
  const match = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text.trim());
  const [, name = '', id, encoded = ''] = match ?? [];
  const bytes = Buffer.from(encoded, 'base64');
  if (match === null || bytes.length !== 1 + KEY_BYTES || bytes[0] !== ED25519[0]) return undefined;
  const raw = bytes.subarray(1);
  if (idOf(name, raw) !== id) return undefined;
  const der = Buffer.concat([DER_PREFIX, raw]);
  return { name, id, publicKey: createPublicKey({ key: der, format: 'der', type: 'spki' }) };
}

/** @param text lines, the last with its newline too. @returns the text, an empty line, and the signature's line */
export function signNote(text: string, key: NoteKey, privateKey: KeyObject): string {
  const signature = Buffer.concat([Buffer.from(key.id, 'hex'), sign(null, Buffer.from(text), privateKey)]);
  return `${text}\n— ${key.name} ${signature.toString('base64')}\n`;
}

/** Takes a note that one of the keys signed, whoever signed it besides. */
export function openNote(
  note: string,
  keys: readonly NoteKey[],
): { readonly text: string; readonly signedBy: NoteKey } | { readonly refused: NoteRefusal } {
  const end = note.lastIndexOf('\n\n');
  if (end === -1) return { refused: note.includes('\n') ? 'unsigned' : 'malformed' };
  const text = note.slice(0, end + 1);
  const lines = note.slice(end + 2).split('\n');
  if (lines.pop() !== '' || lines.length > MOST_SIGNATURES) return { refused: 'malformed' };
  let refused: NoteRefusal = 'unsigned';
  for (const line of lines) {
    const [, name, encoded = ''] = /^— (\S+) ([A-Za-z0-9+/=]+)$/.exec(line) ?? [];
    const bytes = Buffer.from(encoded, 'base64');
    if (bytes.length < ID_BYTES) return { refused: 'malformed' };
    const id = bytes.subarray(0, ID_BYTES).toString('hex');
    const key = keys.find((one) => one.name === name && one.id === id);
    if (key === undefined) refused = 'foreign-key';
    else if (isSignature(text, bytes.subarray(ID_BYTES), key)) return { text, signedBy: key };
    else return { refused: 'forged' };
  }
  return { refused };
}

const isSignature = (text: string, signature: Buffer, { publicKey }: NoteKey): boolean =>
  signature.length === SIGNATURE_BYTES && verify(null, Buffer.from(text), publicKey, signature);

const idOf = (name: string, raw: Buffer): string =>
  createHash('sha256').update(`${name}\n`).update(ED25519).update(raw).digest().subarray(0, ID_BYTES).toString('hex');

const rawKey = (publicKey: KeyObject): Buffer =>
  publicKey.export({ format: 'der', type: 'spki' }).subarray(DER_PREFIX.length);
