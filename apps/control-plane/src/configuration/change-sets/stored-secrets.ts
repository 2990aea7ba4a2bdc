import { constantTimeEqual, type Secret } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import { sealedColumn } from '@sallyport/vault';
import { z } from 'zod';
import type { Transaction } from '../revision-log.js';

const SECRET_PURPOSE = 'stored-secret';
export const storedSecretColumn = sealedColumn(
  'StoredSecret',
  SECRET_PURPOSE,
  z.object({ name: z.string() }),
  ({ name }) => name,
);

/** What becomes of the secrets of documents. */
export interface SecretChanges {
  /** Names of those whose value is another than before, or that are new. */
  readonly changed: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, Secret>;
  /** Names of those that no document has any more. */
  readonly removed: readonly string[];
}

/** The sealed secrets by `<Kind>/<name>/<field>`, as they were read. Their values are compared and never told. */
export class SealedSecrets {
  readonly #sealed: ReadonlyMap<string, Uint8Array>;
  readonly #sealer: Sealer;

  private constructor(sealed: ReadonlyMap<string, Uint8Array>, sealer: Sealer) {
    this.#sealed = sealed;
    this.#sealer = sealer;
  }

  static async read(transaction: Transaction, sealer: Sealer): Promise<SealedSecrets> {
    const rows = await transaction.storedSecret.findMany({ select: { name: true, sealed: true } });
    return new SealedSecrets(new Map(rows.map(({ name, sealed }) => [name, sealed])), sealer);
  }

  has(name: string): boolean {
    return this.#sealed.has(name);
  }

  /** Whether the sealed value is this one. */
  is(name: string, secret: Secret): boolean {
    const sealed = this.#sealed.get(name);
    return (
      sealed !== undefined &&
      constantTimeEqual(this.#sealer.open(SECRET_PURPOSE, sealed, name).toString('utf8'), secret.reveal())
    );
  }

  /** Those that are not among `needed`. */
  beyond(needed: ReadonlySet<string>): string[] {
    return [...this.#sealed.keys()].filter((name) => !needed.has(name));
  }
}

export async function writeSecrets(
  transaction: Transaction,
  sealer: Sealer,
  { changed, values, removed }: SecretChanges,
): Promise<void> {
  for (const name of changed) {
    const secret = values.get(name);
    if (secret === undefined) continue;
    const data = { sealed: new Uint8Array(sealer.seal(SECRET_PURPOSE, secret.reveal(), name)) };
    await transaction.storedSecret.upsert({ where: { name }, create: { name, ...data }, update: data });
  }
  if (removed.length > 0)
    await transaction.$executeRaw`
      DELETE FROM "StoredSecret" WHERE name IN (SELECT jsonb_array_elements_text(${JSON.stringify(removed)}::jsonb))`;
}
