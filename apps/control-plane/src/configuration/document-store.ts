import type { Document } from '@sallyport/configuration';
import { Revocation } from '@sallyport/configuration/log';
import { Prisma } from '@sallyport/database';
import type { Database } from '@sallyport/database';
import { SallyportError } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import { parseDocument } from './change-sets/stored-configuration.js';
import type { Revision } from './revision-log.js';

/** Everything as of one revision. */
export interface CompleteConfiguration extends Revision {
  readonly documents: readonly Document[];
  /** Those that have not expired. */
  readonly revocations: readonly Revocation[];
}

/** Ends of MCP sessions, which a control plane of an earlier version writes while it still runs beside this one. */
const FORMER_KIND = 'mcp-session';

/** Reads the documents in PostgreSQL. `ChangeSets` writes them. */
export class PostgresDocumentStore {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(parts: { database: Database; clock: Clock }) {
    this.#database = parts.database;
    this.#clock = parts.clock;
  }

  /** @throws {SallyportError} `configuration_unreadable`: a stored document is none this version knows. */
  async complete(): Promise<CompleteConfiguration> {
    return this.#database.$transaction(
      async (transaction) => {
        const newest = await transaction.configurationRevision.findFirst({
          orderBy: { revision: 'desc' },
          select: { epoch: true, revision: true },
        });
        if (!newest) throw new SallyportError('configuration_missing', 'There is no configuration yet.');
        const documents = (
          await transaction.configurationDocument.findMany({ orderBy: [{ kind: 'asc' }, { name: 'asc' }] })
        ).map(parseDocument);
        const rows = await transaction.revocation.findMany({
          where: {
            subjectType: { not: FORMER_KIND },
            OR: [{ expiresAt: null }, { expiresAt: { gt: Math.floor(this.#clock() / 1000) } }],
          },
          orderBy: { createdAt: 'asc' },
        });
        return {
          ...newest,
          documents,
          revocations: rows.map(({ id, subject, notBefore, expiresAt }) =>
            Revocation.parse({ id, subject, notBefore, expiresAt }),
          ),
        };
      },
      { isolationLevel: Prisma.TransactionIsolationLevel.RepeatableRead, timeout: 30_000 },
    );
  }
}
