import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { SallyportError } from '@sallyport/kernel';
import type { MasterKey } from './load-symmetric-key.js';

const VERSION = 1;
const KEY_ID_BYTES = 8;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const DATA_KEY_BYTES = 32;
const WRAPPED_BYTES = NONCE_BYTES + DATA_KEY_BYTES + TAG_BYTES;
const HEADER_BYTES = 1 + KEY_ID_BYTES;

/**
 * Envelope encryption (security rule S22). Each write has its own data key, which encrypts with AES-256-GCM. A key that
 * is derived from the master key for the purpose (HKDF-SHA256, RFC 5869) wraps the data key. Purpose, format version,
 * key id and the caller's associated data are authenticated, so nobody can move a value to another record, purpose or
 * deployment.
 *
 * In bytes: `version(1) ‖ master key id(8) ‖ wrapped data key(12+32+16) ‖ nonce(12) ‖ ciphertext ‖ tag(16)`
 */
export class Sealer {
  #current = '';
  #masters: ReadonlyMap<string, MasterKey> = new Map();
  readonly #derived = new Map<string, Buffer>();

  /** @param previous master keys that only open what they sealed */
  constructor(current: MasterKey, previous: readonly MasterKey[] = []) {
    this.use(current, previous);
  }

  /** Replaces the keys. A `seal` or `open` that runs is not disturbed. */
  use(current: MasterKey, previous: readonly MasterKey[]): void {
    this.#masters = new Map([...previous, current].map((master) => [masterKeyId(master), master]));
    this.#current = masterKeyId(current);
    for (const name of this.#derived.keys())
      if (!this.#masters.has(name.slice(0, KEY_ID_BYTES * 2))) this.#derived.delete(name);
  }

  /** The id of the key that seals. */
  get currentKeyId(): string {
    return this.#current;
  }

  get keyIds(): readonly string[] {
    return [...this.#masters.keys()];
  }

  /**
   * False when a key sealed the value that this process does not have. True for an unknown format, which no key opens.
   */
  holdsKeyOf(sealed: Uint8Array): boolean {
    return sealed[0] !== VERSION || this.#masters.has(Buffer.from(sealed.subarray(1, HEADER_BYTES)).toString('hex'));
  }

  seal(purpose: string, plaintext: Uint8Array | string, aad: string): Buffer {
    const header = Buffer.concat([Buffer.of(VERSION), Buffer.from(this.#current, 'hex')]);
    const bound = boundData(header, purpose, aad);
    const dataKey = randomBytes(DATA_KEY_BYTES);
    const wrapped = encrypt(this.#keyFor(this.#current, purpose), dataKey, bound);
    const sealed = encrypt(dataKey, typeof plaintext === 'string' ? Buffer.from(plaintext) : plaintext, bound);
    dataKey.fill(0);
    return Buffer.concat([header, wrapped, sealed]);
  }

  /**
   * Opens a sealed value.
   * @throws SallyportError `sealed_key_unknown` (this process does not have the key that sealed it) or
   * `sealed_value_invalid` (the value was altered, or sealed for another purpose or record)
   */
  open(purpose: string, sealed: Uint8Array, aad: string): Buffer {
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
    if (bytes.length < HEADER_BYTES + WRAPPED_BYTES + NONCE_BYTES + TAG_BYTES || bytes[0] !== VERSION) {
      throw new SallyportError('sealed_value_invalid', 'A stored secret is not in a known format.', {
        detail: { purpose },
      });
    }
    const header = bytes.subarray(0, HEADER_BYTES);
    const id = header.subarray(1).toString('hex');
    if (!this.#masters.has(id)) {
      throw new SallyportError(
        'sealed_key_unknown',
        `A stored secret was sealed with the vault key ${id}, which this process does not have: restore that key.`,
        { detail: { purpose, keyId: id } },
      );
    }
    const bound = boundData(header, purpose, aad);
    try {
      const dataKey = decrypt(
        this.#keyFor(id, purpose),
        bytes.subarray(HEADER_BYTES, HEADER_BYTES + WRAPPED_BYTES),
        bound,
      );
      return decrypt(dataKey, bytes.subarray(HEADER_BYTES + WRAPPED_BYTES), bound);
    } catch (cause) {
      throw new SallyportError('sealed_value_invalid', 'A stored secret was altered or belongs to another record.', {
        cause,
        detail: { purpose },
      });
    }
  }

  #keyFor(id: string, purpose: string): Buffer {
    const name = `${id} ${purpose}`;
    const known = this.#derived.get(name);
    if (known) return known;
    const master = this.#masters.get(id);
    if (!master) throw new SallyportError('sealed_key_unknown', 'The master key is not known.');
    const derived = Buffer.from(
      hkdfSync('sha256', master.reveal(), Buffer.alloc(0), `sallyport/v1/seal/${purpose}`, DATA_KEY_BYTES),
    );
    this.#derived.set(name, derived);
    return derived;
  }
}

/** The first bytes of everything a key sealed: version and key id, in hexadecimal. */
export const sealedPrefix = (id: string): string => `${Buffer.of(VERSION).toString('hex')}${id}`;

/** An identifier of a key that reveals nothing about it: 16 hexadecimal digits. */
export function masterKeyId(master: MasterKey): string {
  const derived = Buffer.from(
    hkdfSync('sha256', master.reveal(), Buffer.alloc(0), 'sallyport/v1/key-id', DATA_KEY_BYTES),
  );
  return createHash('sha256').update(derived).digest().subarray(0, KEY_ID_BYTES).toString('hex');
}

function boundData(header: Buffer, purpose: string, aad: string): Buffer {
  return Buffer.concat([header, Buffer.from(JSON.stringify([purpose, aad]))]);
}

function encrypt(key: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES }).setAAD(aad);
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: Uint8Array, sealed: Buffer, aad: Uint8Array): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  }).setAAD(aad);
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, sealed.length - TAG_BYTES)), decipher.final()]);
}
