import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { noteKey, writeNoteKey, type NoteKey } from '@sallyport/audit-chain';
import type { Database } from '@sallyport/database';
import { newId } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import type { RecordEvent } from '@sallyport/trail';
import { sealedColumn } from '@sallyport/vault';
import { z } from 'zod';

const PURPOSE = 'audit-key';
/** Any number; all control planes of one database agree on it. */
const FIRST_KEY_LOCK = 5_125_101_479;

/** For sealing them anew after a rotation of the vault's keys. */
export const auditKeyColumn = sealedColumn('AuditKey', PURPOSE, z.object({ id: z.string() }), ({ id }) => id);

export interface AuditKey extends NoteKey {
  readonly privateKey: KeyObject;
  /** As signed notes have it. */
  readonly text: string;
  readonly createdAt: Date;
}

export interface AuditKeysOptions {
  readonly database: Pick<Database, 'auditKey' | '$transaction'>;
  readonly sealer: Pick<Sealer, 'seal' | 'open'>;
  /** Whose trail it is: what a new key is called. No space, no plus. */
  readonly name: string;
  readonly record: RecordEvent;
}

/**
 * The keys that sign checkpoints. A public key comes from its private one, which the vault sealed: whoever can write to
 * the table, and no more, adds no key of their own.
 */
export class AuditKeys {
  readonly #options: AuditKeysOptions;
  readonly #known = new Map<string, AuditKey>();

  constructor(options: AuditKeysOptions) {
    this.#options = options;
  }

  /** All there were, the newest first. */
  async all(): Promise<readonly AuditKey[]> {
    const { database, sealer } = this.#options;
    const rows = await database.auditKey.findMany({ orderBy: [{ createdAt: 'desc' }, { id: 'desc' }] });
    return rows.map(({ id, name, sealedPrivate, createdAt }) => {
      const known = this.#known.get(id) ?? keyOf(name, sealer.open(PURPOSE, sealedPrivate, id), createdAt);
      this.#known.set(id, known);
      return known;
    });
  }

  /** The one that signs; the first is made when somebody asks for it. */
  async current(): Promise<AuditKey> {
    const [newest] = await this.all();
    return newest ?? (await this.#make({ isFirst: true }));
  }

  /** Makes a key that signs from here on. What others signed stays proved by them. */
  async rotate(): Promise<AuditKey> {
    return this.#make({ isFirst: false });
  }

  async #make({ isFirst }: { readonly isFirst: boolean }): Promise<AuditKey> {
    const { database, sealer, name, record } = this.#options;
    const der = generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' });
    const id = newId('evt');
    const made = await database.$transaction(async (transaction) => {
      await transaction.$executeRaw`SELECT pg_advisory_xact_lock(${FIRST_KEY_LOCK}::bigint)`;
      if (isFirst && (await transaction.auditKey.count()) > 0) return undefined;
      const sealedPrivate = Uint8Array.from(sealer.seal(PURPOSE, der, id));
      return transaction.auditKey.create({ data: { id, name, sealedPrivate } });
    });
    if (made === undefined) return this.current();
    const key = keyOf(name, der, made.createdAt);
    this.#known.set(id, key);
    await record({ type: 'audit.key_created', detail: { publicKey: key.text } });
    return key;
  }
}

function keyOf(name: string, der: Buffer, createdAt: Date): AuditKey {
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const key = noteKey(name, createPublicKey(privateKey));
  return { ...key, privateKey, text: writeNoteKey(key), createdAt };
}
