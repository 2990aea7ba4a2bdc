import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import type { Secret } from '@sallyport/kernel';

const VERSION = 1;
const KEY_ID_BYTES = 4;
const IV_BYTES = 12;
const TAG_BYTES = 16;

export type SealPurpose = 'mcp-session' | 'request-state' | 'list-cursor' | 'question' | 'replica-message' | 'task-id';

/**
 * Opaque state that travels through clients: AES-256-GCM under a key per purpose (HKDF-SHA256 from the key the gateways
 * share), so any replica opens what another sealed and nothing sealed for one purpose opens for another (security rule
 * S16). What it is bound to goes in as associated data. base64url, so visible ASCII.
 */
export class StateSealer {
  readonly #keys: readonly { id: Buffer; root: Uint8Array }[];
  readonly #derived = new Map<string, Buffer>();

  /** @param keys the current key first, then those still accepted. */
  constructor(keys: readonly Secret<Uint8Array>[]) {
    if (keys.length === 0) throw new RangeError('a sealer needs a key');
    this.#keys = keys.map((key) => ({
      id: createHash('sha256').update('sallyport key id').update(key.reveal()).digest().subarray(0, KEY_ID_BYTES),
      root: key.reveal(),
    }));
  }

  seal(purpose: SealPurpose, value: unknown, boundTo: readonly string[]): string {
    const key = this.#keys[0];
    if (key === undefined) throw new RangeError('a sealer needs a key');
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#derive(key, purpose), iv).setAAD(associatedData(boundTo));
    const sealed = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()]);
    return Buffer.concat([Buffer.of(VERSION), key.id, iv, sealed, cipher.getAuthTag()]).toString('base64url');
  }

  /** `undefined` for what we did not seal, for another purpose, or bound to something else. */
  open(purpose: SealPurpose, sealed: string, boundTo: readonly string[]): unknown {
    const bytes = Buffer.from(sealed, 'base64url');
    const head = 1 + KEY_ID_BYTES + IV_BYTES;
    if (bytes.length < head + TAG_BYTES || bytes[0] !== VERSION || bytes.toString('base64url') !== sealed)
      return undefined;
    const key = this.#keys.find(({ id }) => id.equals(bytes.subarray(1, 1 + KEY_ID_BYTES)));
    if (key === undefined) return undefined;
    const decipher = createDecipheriv(
      'aes-256-gcm',
      this.#derive(key, purpose),
      bytes.subarray(1 + KEY_ID_BYTES, head),
    ).setAAD(associatedData(boundTo));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      return JSON.parse(
        Buffer.concat([decipher.update(bytes.subarray(head, -TAG_BYTES)), decipher.final()]).toString('utf8'),
      );
    } catch {
      return undefined; // the tag did not match: altered, or bound to something else
    }
  }

  #derive({ id, root }: { id: Buffer; root: Uint8Array }, purpose: SealPurpose): Buffer {
    const name = `${id.toString('hex')} ${purpose}`;
    let key = this.#derived.get(name);
    if (key === undefined)
      this.#derived.set(
        name,
        (key = Buffer.from(hkdfSync('sha256', root, Buffer.alloc(0), `sallyport/gateway-state/${purpose}/v1`, 32))),
      );
    return key;
  }
}

/** Unambiguous whatever the parts hold. */
const associatedData = (parts: readonly string[]): Buffer => Buffer.from(JSON.stringify(parts), 'utf8');
