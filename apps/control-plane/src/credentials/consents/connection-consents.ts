import type { Database } from '@sallyport/database';

export interface ConnectionUse {
  readonly userId: string;
  readonly clientId: string;
  readonly server: string;
}

/** Which agents a user lets use their connection at a server (S3). */
export class ConnectionConsents {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async has({ userId, clientId, server }: ConnectionUse): Promise<boolean> {
    return (await this.#database.connectionConsent.count({ where: { userId, clientId, server } })) > 0;
  }

  async give({ userId, clientId, server }: ConnectionUse): Promise<void> {
    await this.#database.connectionConsent.upsert({
      where: { userId_clientId_server: { userId, clientId, server } },
      create: { userId, clientId, server },
      update: {},
    });
  }

  /**
   * Withdraws consents of a revoked agent: its users are asked again, should it come back.
   * @param userId only of this user; of everybody when it is left out
   */
  async withdrawFrom({
    clientId,
    userId,
  }: {
    readonly clientId: string;
    readonly userId: string | undefined;
  }): Promise<void> {
    await this.#database.connectionConsent.deleteMany({ where: { clientId, ...(userId !== undefined && { userId }) } });
  }

  /** With the connection goes every consent to use it. */
  async withdrawAll({ userId, server }: Omit<ConnectionUse, 'clientId'>): Promise<void> {
    await this.#database.connectionConsent.deleteMany({ where: { userId, server } });
  }
}
