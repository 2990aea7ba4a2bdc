import type {
  KnownHealth,
  ProviderKey,
  ProviderHealthStore,
  SeenHealth,
  HealthVersion,
  ProviderHealth,
} from '@sallyport/connection/refresh';
import { Prisma, type Database } from '@sallyport/database';
import { SallyportError } from '@sallyport/kernel';
import type { ProviderFailureReason } from '@sallyport/oauth';

type Row = NonNullable<Awaited<ReturnType<Database['providerHealth']['findUnique']>>>;
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
export class PostgresProviderHealthStore implements ProviderHealthStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async read({ credentialProvider, issuer }: ProviderKey): Promise<SeenHealth> {
    const rows = await this.#database.$queryRaw<(Row & { now: number; documentRevision: number | null })[]>`
      SELECT ${NOW} AS now, d.revision AS "documentRevision", h.*
      FROM (SELECT ${credentialProvider}::text AS provider) asked
      LEFT JOIN ${DOCUMENT} = asked.provider
      LEFT JOIN "ProviderHealth" h ON h."credentialProvider" = asked.provider AND h.issuer = ${issuer}`;
    const [row] = rows;
    if (!row)
      throw new SallyportError(
        'provider_health_unreadable',
        'The database did not say how a credential provider has been answering.',
      );
    const { now, documentRevision, ...stored } = row;
    // Without a row, every column of it is null (LEFT JOIN).
    const revision: number | null = stored.revision;
    const counts = revision !== null && stored.configured === documentRevision;
    return {
      health: counts ? toHealth(stored) : undefined,
      version: { revision: revision ?? 0, configured: documentRevision },
      now,
    };
  }

  async write(
    { credentialProvider, issuer }: ProviderKey,
    { revision, configured }: HealthVersion,
    next: ProviderHealth | undefined,
  ): Promise<boolean> {
    const where = { credentialProvider, issuer, revision };
    if (!next) return (await this.#database.providerHealth.deleteMany({ where })).count === 1;
    const data = { ...toRow(next), configured, revision: revision + 1 };
    if (revision === 0)
      return (
        (
          await this.#database.providerHealth.createMany({
            data: { credentialProvider, issuer, ...data },
            skipDuplicates: true,
          })
        ).count === 1
      );
    return (await this.#database.providerHealth.updateMany({ where, data })).count === 1;
  }

  async list(): Promise<{ now: number; providers: KnownHealth[] }> {
    const rows = await this.#database.$queryRaw<(Row & { now: number })[]>`
      SELECT ${NOW} AS now, h.* FROM (SELECT 1) one
      LEFT JOIN ("ProviderHealth" h LEFT JOIN ${DOCUMENT} = h."credentialProvider")
        ON h.configured IS NOT DISTINCT FROM d.revision
      ORDER BY h."credentialProvider", h.issuer`;
    return {
      now: rows[0]?.now ?? 0,
      providers: rows.flatMap(({ now: _now, ...row }) =>
        (row.revision as number | null) === null ? [] : [toKnown(row)],
      ),
    };
  }

  async forgetReconfigured(): Promise<KnownHealth[]> {
    const gone = await this.#database.$queryRaw<Row[]>`
      DELETE FROM "ProviderHealth" h
      WHERE h.configured IS DISTINCT FROM (
        SELECT d.revision FROM "ConfigurationDocument" d
        WHERE d.kind = 'CredentialProvider' AND d.name = h."credentialProvider")
      RETURNING h.*`;
    return gone.map(toKnown).filter(({ pausedSince }) => pausedSince !== null);
  }
}

const toDate = (ms: number | null) => (ms === null ? null : new Date(ms));

function toRow({ failedAt, pausedSince, nextProbeAt, probingUntil, ...rest }: ProviderHealth) {
  return {
    ...rest,
    failedAt: new Date(failedAt),
    pausedSince: toDate(pausedSince),
    nextProbeAt: toDate(nextProbeAt),
    probingUntil: toDate(probingUntil),
  };
}

function toHealth({
  reason,
  error,
  description,
  failures,
  failedAt,
  pausedSince,
  failedProbes,
  nextProbeAt,
  probingUntil,
}: Row): ProviderHealth {
  if (!isReason(reason))
    throw new SallyportError(
      'provider_health_malformed',
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

const toKnown = (row: Row): KnownHealth => ({
  credentialProvider: row.credentialProvider,
  issuer: row.issuer,
  ...toHealth(row),
});

function isReason(value: string): value is ProviderFailureReason {
  return reasons.has(value);
}
