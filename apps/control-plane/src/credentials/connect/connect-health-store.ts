import { Prisma, type Database } from '@sallyport/database';
import type { ConnectFailure } from './connect-failure.js';

export interface ConnectHealth {
  readonly credentialProvider: string;
  /** In a row, of whichever users. */
  readonly failures: number;
  /** Milliseconds since the epoch. */
  readonly failedAt: number;
  /** Of the last one. */
  readonly reason: string;
  readonly said: string | null;
}

const MAX_SAID = 512;
const CONFIGURED = Prisma.sql`(SELECT d.revision FROM "ConfigurationDocument" d WHERE d.kind = 'CredentialProvider'
    AND d.name = h."credentialProvider")`;

/**
 * How connecting accounts has been going, by credential provider, for administrators to see: a provider at which nobody
 * gets through has no refreshes that could tell. What was noted before its document was last written counts no more.
 */
export class ConnectHealthStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async failed(
    credentialProvider: string,
    { reason, detail }: Pick<ConnectFailure, 'reason' | 'detail'>,
  ): Promise<void> {
    const said = String(detail['said'] ?? detail['description'] ?? '').slice(0, MAX_SAID) || null;
    await this.#database.$executeRaw`
      INSERT INTO "ConnectHealth" AS h ("credentialProvider", configured, failures, "failedAt", reason, said)
      SELECT h."credentialProvider", ${CONFIGURED}, 1, clock_timestamp(), ${reason}, ${said}::text
      FROM (SELECT ${credentialProvider}::text AS "credentialProvider") h
      ON CONFLICT ("credentialProvider") DO UPDATE SET
        failures = CASE WHEN h.configured IS NOT DISTINCT FROM EXCLUDED.configured THEN h.failures + 1 ELSE 1 END,
        configured = EXCLUDED.configured, "failedAt" = EXCLUDED."failedAt",
        reason = EXCLUDED.reason, said = EXCLUDED.said`;
  }

  async succeeded(credentialProvider: string): Promise<void> {
    await this.#database.connectHealth.deleteMany({ where: { credentialProvider } });
  }

  async list(): Promise<readonly ConnectHealth[]> {
    const rows = await this.#database.$queryRaw<(Omit<ConnectHealth, 'failedAt'> & { readonly failedAt: Date })[]>`
      SELECT h."credentialProvider", h.failures, h."failedAt", h.reason, h.said FROM "ConnectHealth" h
      WHERE h.configured IS NOT DISTINCT FROM ${CONFIGURED}`;
    return rows.map(({ failedAt, ...row }) => ({ ...row, failedAt: failedAt.getTime() }));
  }
}
