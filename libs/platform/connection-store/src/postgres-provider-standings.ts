import type {
  KnownStanding,
  ProviderKey,
  ProviderStandings,
  SeenStanding,
  StandingVersion,
  ProviderStanding,
} from '@sallyport/connection/refresh';
import { Prisma, type Database } from '@sallyport/database';
import { SallyportError } from '@sallyport/kernel';
import type { ProviderFailureReason } from '@sallyport/oauth';

type Row = NonNullable<Awaited<ReturnType<Database['providerStanding']['findUnique']>>>;
const reasons: ReadonlySet<string> = new Set<ProviderFailureReason>([
  'client_refused',
  'request_refused',
  'rate_limited',
  'unavailable',
  'no_answer',
  'malformed_answer',
  'address_refused',
]);

/** Times are by the database's clock. A row counts as long as the provider's document has the revision in the row. */
const NOW = Prisma.sql`(extract(epoch FROM clock_timestamp()) * 1000)::float8`;
const DOCUMENT = Prisma.sql`"ConfigurationDocument" d ON d.kind = 'CredentialProvider' AND d.name`;

/**
 * The health of credential providers on PostgreSQL. Each write is one conditional statement: the first process wins.
 */
export class PostgresProviderStandings implements ProviderStandings {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async read({ credentialProvider, issuer }: ProviderKey): Promise<SeenStanding> {
    const rows = await this.#database.$queryRaw<(Row & { now: number; documentRevision: number | null })[]>`
      SELECT ${NOW} AS now, d.revision AS "documentRevision", s.*
      FROM (SELECT ${credentialProvider}::text AS provider) asked
      LEFT JOIN ${DOCUMENT} = asked.provider
      LEFT JOIN "ProviderStanding" s ON s."credentialProvider" = asked.provider AND s.issuer = ${issuer}`;
    const [row] = rows;
    if (!row)
      throw new SallyportError('standing_unreadable', 'The database did not say how a credential provider stands.');
    const { now, documentRevision, ...stored } = row;
    // Without a row, every column of it is null (LEFT JOIN).
    const revision: number | null = stored.revision;
    const counts = revision !== null && stored.configured === documentRevision;
    return {
      standing: counts ? toStanding(stored) : undefined,
      version: { revision: revision ?? 0, configured: documentRevision },
      now,
    };
  }

  async write(
    { credentialProvider, issuer }: ProviderKey,
    { revision, configured }: StandingVersion,
    next: ProviderStanding | undefined,
  ): Promise<boolean> {
    const where = { credentialProvider, issuer, revision };
    if (!next) return (await this.#database.providerStanding.deleteMany({ where })).count === 1;
    const data = { ...toRow(next), configured, revision: revision + 1 };
    if (revision === 0)
      return (
        (
          await this.#database.providerStanding.createMany({
            data: { credentialProvider, issuer, ...data },
            skipDuplicates: true,
          })
        ).count === 1
      );
    return (await this.#database.providerStanding.updateMany({ where, data })).count === 1;
  }

  async list(): Promise<{ now: number; standings: KnownStanding[] }> {
    const rows = await this.#database.$queryRaw<(Row & { now: number })[]>`
      SELECT ${NOW} AS now, s.* FROM (SELECT 1) one
      LEFT JOIN ("ProviderStanding" s LEFT JOIN ${DOCUMENT} = s."credentialProvider")
        ON s.configured IS NOT DISTINCT FROM d.revision
      ORDER BY s."credentialProvider", s.issuer`;
    return {
      now: rows[0]?.now ?? 0,
      standings: rows.flatMap(({ now: _now, ...row }) =>
        (row.revision as number | null) === null ? [] : [toKnown(row)],
      ),
    };
  }

  async forgetReconfigured(): Promise<KnownStanding[]> {
    const gone = await this.#database.$queryRaw<Row[]>`
      DELETE FROM "ProviderStanding" s
      WHERE s.configured IS DISTINCT FROM (
        SELECT d.revision FROM "ConfigurationDocument" d
        WHERE d.kind = 'CredentialProvider' AND d.name = s."credentialProvider")
      RETURNING s.*`;
    return gone.map(toKnown).filter(({ pausedSince }) => pausedSince !== null);
  }
}

const toDate = (ms: number | null) => (ms === null ? null : new Date(ms));

function toRow({ failedAt, pausedSince, nextProbeAt, probingUntil, ...rest }: ProviderStanding) {
  return {
    ...rest,
    failedAt: new Date(failedAt),
    pausedSince: toDate(pausedSince),
    nextProbeAt: toDate(nextProbeAt),
    probingUntil: toDate(probingUntil),
  };
}

function toStanding({
  reason,
  error,
  description,
  failures,
  failedAt,
  pausedSince,
  failedProbes,
  nextProbeAt,
  probingUntil,
}: Row): ProviderStanding {
  if (!isReason(reason))
    throw new SallyportError(
      'standing_malformed',
      'A credential provider is paused for a reason that this version does not know.',
      { detail: { reason } },
    );
  return {
    reason,
    error,
    description,
    failures,
    failedAt: failedAt.getTime(),
    pausedSince: pausedSince?.getTime() ?? null,
    failedProbes,
    nextProbeAt: nextProbeAt?.getTime() ?? null,
    probingUntil: probingUntil?.getTime() ?? null,
  };
}

const toKnown = (row: Row): KnownStanding => ({
  credentialProvider: row.credentialProvider,
  issuer: row.issuer,
  ...toStanding(row),
});

function isReason(value: string): value is ProviderFailureReason {
  return reasons.has(value);
}
