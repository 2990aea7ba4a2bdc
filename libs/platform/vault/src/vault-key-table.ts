import type { Database } from '@sallyport/database';

export type VaultKeyPurpose = 'records' | 'derivation';
export interface VaultKeyRow {
  readonly id: string;
  readonly purpose: string;
  readonly wrapped: Uint8Array;
  readonly wrappedBy: string;
  readonly createdAt: Date;
  readonly sealsFrom: Date;
}

/** The advisory lock under which one process at a time adds a key. No other lock has this number. */
const LOCK = 7_270_736_912;

/** The table of wrapped keys. Callers wrap a key before they add it: no transaction waits for a key service. */
export class VaultKeyTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** All keys, the oldest first. */
  list(): Promise<VaultKeyRow[]> {
    return this.#database.vaultKey.findMany({ orderBy: [{ sealsFrom: 'asc' }, { createdAt: 'asc' }] });
  }

  /**
   * Adds a key, unless another process was first.
   * @returns false when a key of this purpose exists that seals from `unlessFrom` on or later
   */
  async add(
    { id, purpose, wrapped, wrappedBy, sealsFrom }: Omit<VaultKeyRow, 'createdAt'>,
    unlessFrom: Date,
  ): Promise<boolean> {
    return this.#database.$transaction(async (transaction) => {
      await transaction.$executeRaw`SELECT pg_advisory_xact_lock(${LOCK}::bigint)`;
      if ((await transaction.vaultKey.count({ where: { purpose, sealsFrom: { gte: unlessFrom } } })) > 0) return false;
      await transaction.vaultKey.create({
        data: { id, purpose, wrapped: Uint8Array.from(wrapped), wrappedBy, sealsFrom },
      });
      return true;
    });
  }

  /** Replaces a wrapped key, if `from` still names its wrapper. */
  async rewrap(
    id: string,
    { from, to }: { from: string; to: { readonly wrapped: Uint8Array; readonly wrappedBy: string } },
  ): Promise<void> {
    await this.#database.vaultKey.updateMany({
      where: { id, wrappedBy: from },
      data: { wrapped: Uint8Array.from(to.wrapped), wrappedBy: to.wrappedBy },
    });
  }

  async remove(id: string): Promise<boolean> {
    return (await this.#database.vaultKey.deleteMany({ where: { id } })).count === 1;
  }
}
