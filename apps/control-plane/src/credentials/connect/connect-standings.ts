import { Prisma, type Database } from '@sallyport/database';
import type { Failure } from '@sallyport/oauth';

export interface ConnectStanding {
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
    AND d.name = s."credentialProvider")`;

/**
 * How connecting accounts has been going, by credential provider, for administrators to see: a provider at which nobody
 * gets through has no refreshes that could tell. What was noted before its document was last written counts no more.
 */
export class ConnectStandings {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async failed(
    credentialProvider: string,
    { reason, detail }: Pick<Omit<Failure, 'type'>, 'reason' | 'detail'>,
  ): Promise<void> {
    const said = String(detail['said'] ?? detail['description'] ?? '').slice(0, MAX_SAID) || null;
    await this.#database.$executeRaw`
      INSERT INTO "ConnectStanding" AS s ("credentialProvider", configured, failures, "failedAt", reason, said)
      SELECT s."credentialProvider", ${CONFIGURED}, 1, clock_timestamp(), ${reason}, ${said}::text
      FROM (SELECT ${credentialProvider}::text AS "credentialProvider") s
      ON CONFLICT ("credentialProvider") DO UPDATE SET
        failures = CASE WHEN s.configured IS NOT DISTINCT FROM EXCLUDED.configured THEN s.failures + 1 ELSE 1 END,
        configured = EXCLUDED.configured, "failedAt" = EXCLUDED."failedAt",
        reason = EXCLUDED.reason, said = EXCLUDED.said`;
  }

  async succeeded(credentialProvider: string): Promise<void> {
    await this.#database.connectStanding.deleteMany({ where: { credentialProvider } });
  }

  async list(): Promise<readonly ConnectStanding[]> {
    const rows = await this.#database.$queryRaw<(Omit<ConnectStanding, 'failedAt'> & { readonly failedAt: Date })[]>`
      SELECT s."credentialProvider", s.failures, s."failedAt", s.reason, s.said FROM "ConnectStanding" s
      WHERE s.configured IS NOT DISTINCT FROM ${CONFIGURED}`;
    return rows.map(({ failedAt, ...row }) => ({ ...row, failedAt: failedAt.getTime() }));
  }
}
