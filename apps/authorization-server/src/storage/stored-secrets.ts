import { Secret } from '@sallyport/kernel';
import type { Database } from '@sallyport/database';
import type { Sealer } from '@sallyport/keys';

/** Secrets of documents, which the control plane seals and we only read: they never travel in the configuration. */
export class StoredSecrets {
  readonly #database: Database;
  readonly #sealer: Sealer;

  constructor(database: Database, sealer: Sealer) {
    this.#database = database;
    this.#sealer = sealer;
  }

  /** @param name `TrustProvider/demo/clientSecret` */
  async find(name: string): Promise<Secret | undefined> {
    const row = await this.#database.storedSecret.findUnique({ where: { name } });
    return row ? new Secret(this.#sealer.open('stored-secret', row.sealed, name).toString('utf8')) : undefined;
  }
}
