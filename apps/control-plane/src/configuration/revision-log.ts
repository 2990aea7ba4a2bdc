import { randomUUID } from 'node:crypto';
import type { Actor } from '@sallyport/admin-api';
import { signLogEntry } from '@sallyport/configuration/log';
import type { ChangeSet } from '@sallyport/configuration/log';
import type { Database, Prisma } from '@sallyport/database';
import { systemClock, type Clock } from '@sallyport/kernel';
import type { CryptoKey } from 'jose';
import { WriterTurns } from './writer-turns.js';
import type { Urgency } from './writer-turns.js';

export type Transaction = Prisma.TransactionClient;
export type Change = Partial<Pick<ChangeSet, 'puts' | 'deletes' | 'revocations'>> & {
  /** What administrators are told of a change of documents, and replicas are not. */
  readonly told?: {
    readonly actor: Actor;
    readonly set: string | null;
    readonly source: string;
    readonly note: string | null;
  };
};
export interface Revision {
  readonly epoch: string;
  readonly revision: number;
}

/** The newest revision, and whether anything of its epoch has been on the bus. */
export interface NewestRevision extends Revision {
  readonly epochIsPublished: boolean;
}

/** Any number; all writers of the configuration of one database agree on it. */
const WRITER_LOCK = 5_125_101_477;
const TRANSACTION_TIMEOUT_MS = 30_000;

/**
 * The configuration log as PostgreSQL knows it: the truth (S28). Revisions are consecutive and commit in order,
 * whatever number of control planes write: each write holds one lock, for which a control plane waits once, with the
 * most urgent of what it has to write. The signed change set is stored with what it changed, and published from there,
 * so that neither can exist without the other.
 */
export class RevisionLog {
  readonly #database: Database;
  readonly #signingKey: CryptoKey;
  readonly #clock: Clock;
  readonly #turns = new WriterTurns();

  constructor(database: Database, signingKey: CryptoKey, clock: Clock = systemClock) {
    this.#database = database;
    this.#clock = clock;
    this.#signingKey = signingKey;
  }

  /** Runs `work` alone and, when it returns a change, makes it the next revision in the same transaction. */
  async write(
    work: (transaction: Transaction, next: Revision) => Promise<Change | undefined>,
    urgency: Urgency = 'administration',
  ): Promise<Revision & { changed: boolean }> {
    return this.#alone(urgency, async (transaction) => {
      const newest = await newestRevision(transaction);
      const next: Revision = { epoch: newest?.epoch ?? randomUUID(), revision: (newest?.revision ?? 0) + 1 };
      const change = await work(transaction, next);
      // The first revision is written even when it says nothing: it is what fixes the epoch.
      if (newest && !change) return { epoch: newest.epoch, revision: newest.revision, changed: false };
      const { told, ...entry } = change ?? {};
      const jws = await signLogEntry(
        { v: 1, type: 'change', ...next, issuedAt: this.#clock(), puts: [], deletes: [], revocations: [], ...entry },
        this.#signingKey,
      );
      const counts = told && { puts: entry.puts?.length ?? 0, deletes: entry.deletes?.length ?? 0 };
      await transaction.configurationRevision.create({ data: { ...next, jws, ...told, ...counts } });
      return { ...next, changed: true };
    });
  }

  async newest(): Promise<NewestRevision | undefined> {
    return newestRevision(this.#database);
  }

  /**
   * Begins a new epoch: this database went back in time, and what the bus and the replicas hold beyond `seen` is
   * another history. Its revision is above all of `stored`, so that no number ever means two things. Does nothing when
   * `seen` is not the newest any more.
   */
  async beginEpoch(seen: NewestRevision, stored: readonly Revision[]): Promise<Revision | undefined> {
    return this.#alone('revocation', async (transaction) => {
      const newest = await newestRevision(transaction);
      if (
        !newest ||
        newest.epoch !== seen.epoch ||
        newest.revision !== seen.revision ||
        newest.epochIsPublished !== seen.epochIsPublished
      )
        return undefined;
      const next: Revision = {
        epoch: randomUUID(),
        revision: Math.max(newest.revision, ...stored.map(({ revision }) => revision)) + 1,
      };
      const jws = await signLogEntry(
        { v: 1, type: 'change', ...next, puts: [], deletes: [], revocations: [] },
        this.#signingKey,
      );
      await transaction.configurationRevision.create({ data: { ...next, jws } });
      return next;
    });
  }

  async #alone<T>(urgency: Urgency, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#turns.take(urgency, () =>
      this.#database.$transaction(
        async (transaction) => {
          await transaction.$executeRaw`SELECT pg_advisory_xact_lock(${WRITER_LOCK}::bigint)`;
          return work(transaction);
        },
        { timeout: TRANSACTION_TIMEOUT_MS, maxWait: TRANSACTION_TIMEOUT_MS },
      ),
    );
  }

  /** What has not been on the bus yet, in order. */
  async unpublished(limit: number): Promise<{ revision: number; jws: string }[]> {
    return this.#database.configurationRevision.findMany({
      where: { publishedAt: null },
      orderBy: { revision: 'asc' },
      take: limit,
      select: { revision: true, jws: true },
    });
  }

  async markPublished(revision: number): Promise<void> {
    await this.#database.configurationRevision.updateMany({
      where: { revision, publishedAt: null },
      data: { publishedAt: new Date() },
    });
  }
}

async function newestRevision(
  database: Pick<Transaction, 'configurationRevision'>,
): Promise<NewestRevision | undefined> {
  const newest = await database.configurationRevision.findFirst({
    orderBy: { revision: 'desc' },
    select: { epoch: true, revision: true, publishedAt: true },
  });
  if (!newest) return undefined;
  const { epoch, revision, publishedAt } = newest;
  const published =
    publishedAt !== null ||
    (await database.configurationRevision.findFirst({
      where: { epoch, publishedAt: { not: null } },
      select: { revision: true },
    })) !== null;
  return { epoch, revision, epochIsPublished: published };
}
