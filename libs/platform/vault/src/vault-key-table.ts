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

/** One at a time decides whether a key is to be made; any number that no other lock uses. */
const LOCK = 7_270_736_912;

/** The wrapped keys. Wrapping happens before a row gets here: no key service is called with a transaction open. */
export class VaultKeyTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The oldest first. */
  list(): Promise<VaultKeyRow[]> {
    return this.#database.vaultKey.findMany({ orderBy: [{ sealsFrom: 'asc' }, { createdAt: 'asc' }] });
  }

  /** @returns whether it is kept: not when one of its purpose seals from `unlessFrom` or later, since somebody else was first. */
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
