import type { UpstreamRevocation, UpstreamRevocations, UpstreamRevocationSummary } from '@sallyport/connection';
import { Prisma, type Database } from '@sallyport/database';
import type { Vault } from '@sallyport/vault';

type Row = NonNullable<Awaited<ReturnType<Database['upstreamRevocation']['findUnique']>>>;

/**
 * The grants of removed connections that providers are still to revoke, on PostgreSQL. A claim is one UPDATE of rows
 * that nobody else has locked. Only the owner of the claim can finish or postpone.
 */
export class PostgresUpstreamRevocations implements UpstreamRevocations {
  readonly #database: Pick<Database, 'upstreamRevocation' | '$queryRaw'>;
  readonly #keys: Pick<Vault, 'learnKeyOf'> | undefined;

  /** @param keys for callers that open credentials: a claim waits until the vault knows the key that sealed each row */
  constructor(database: Pick<Database, 'upstreamRevocation' | '$queryRaw'>, keys?: Pick<Vault, 'learnKeyOf'>) {
    this.#database = database;
    this.#keys = keys;
  }

  async claim({
    owner,
    now,
    until,
    limit,
    only,
  }: Parameters<UpstreamRevocations['claim']>[0]): Promise<UpstreamRevocation[]> {
    const one = only === undefined ? Prisma.empty : Prisma.sql`AND id = ${only}`;
    const rows = await this.#database.$queryRaw<Row[]>`
      UPDATE "UpstreamRevocation" SET owner = ${owner}, "dueAt" = ${new Date(until)}, attempts = attempts + 1
      WHERE id IN (
        SELECT id FROM "UpstreamRevocation" WHERE "dueAt" <= ${new Date(now)} ${one}
        ORDER BY "dueAt" LIMIT ${limit} FOR UPDATE SKIP LOCKED)
      RETURNING *`;
    for (const { sealedCredential } of rows) await this.#keys?.learnKeyOf(sealedCredential);
    return rows.map(({ sealedCredential, ...row }) => ({ ...summaryOf(row), sealedCredential }));
  }

  async finish(id: string, owner: string): Promise<boolean> {
    const { count } = await this.#database.upstreamRevocation.deleteMany({ where: { id, owner } });
    return count === 1;
  }

  async postpone(id: string, owner: string, dueAt: number): Promise<boolean> {
    const { count } = await this.#database.upstreamRevocation.updateMany({
      where: { id, owner },
      data: { owner: null, dueAt: new Date(dueAt) },
    });
    return count === 1;
  }

  async outstanding(limit: number): Promise<{ total: number; oldest: UpstreamRevocationSummary[] }> {
    const [total, rows] = await Promise.all([
      this.#database.upstreamRevocation.count(),
      this.#database.upstreamRevocation.findMany({
        orderBy: { removedAt: 'asc' },
        take: limit,
        omit: { sealedCredential: true },
      }),
    ]);
    return { total, oldest: rows.map(summaryOf) };
  }
}

function summaryOf({
  owner: _owner,
  dueAt,
  removedAt,
  givesUpAt,
  ...row
}: Omit<Row, 'sealedCredential'>): UpstreamRevocationSummary {
  return { ...row, dueAt: dueAt.getTime(), removedAt: removedAt.getTime(), givesUpAt: givesUpAt.getTime() };
}
