import type { Database } from '@sallyport/database';
import type { Clock } from '@sallyport/kernel';
import type { EndedMcpSessionsPage, EndMcpSessions, EndMcpSessionsAnswer, McpSessionsEnded } from '@sallyport/messages';

export interface EndedMcpSessionsOptions {
  readonly database: Database;
  /** To all gateways. */
  readonly broadcast: (ended: McpSessionsEnded) => Promise<void>;
  readonly clock: Clock;
  readonly onProblem: (error: unknown) => void;
  readonly limits?: {
    readonly perUser: number;
    readonly enough: number;
    readonly perUserBeyond: number;
    readonly most: number;
  };
}

/**
 * Ends that are kept for one user, and altogether. Beyond `enough` only those are taken whose users have few: what is
 * full refuses whom it is full of (S32). A gateway holds them all in memory.
 */
const LIMITS = { perUser: 2_000, enough: 200_000, perUserBeyond: 20, most: 400_000 } as const;
/** No MCP session lives longer, whatever a gateway says. */
const LONGEST_SECONDS = 31 * 86_400;
const SKEW_SECONDS = 60;
/** Ends in one page. */
const PAGE = 5_000;
/** Milliseconds for which a count of all of them is good enough. */
const COUNT_MS = 10_000;
/** Any number; all writers of ended sessions of one database agree on it. */
const ORDER_LOCK = 5_125_101_479;

/** One of those asked for that was not there. `order`: it is now. `until`: when there may be room. */
interface Fresh {
  readonly id: string;
  readonly expiresAt: number;
  readonly order: bigint | null;
  readonly until: number | null;
}

/**
 * The MCP sessions that agents ended before their time, until they would have ended by themselves (R64). They are no
 * revocations (S28): an id authenticates nobody. So they stay out of the configuration log, and are written many at a
 * time with one statement, in an order that lets a gateway ask for what it missed.
 */
export class EndedMcpSessions {
  readonly #options: EndedMcpSessionsOptions;
  #counted: { readonly at: number; readonly count: number } | undefined;

  constructor(options: EndedMcpSessionsOptions) {
    this.#options = options;
  }

  /** All gateways are told of what is kept. Safe to repeat. */
  async end(ends: EndMcpSessions['ends']): Promise<EndMcpSessionsAnswer> {
    const now = this.#nowSeconds();
    const { fresh, after } = await this.#write(ends, await this.#allowance(), now);
    const kept = fresh.flatMap(({ id, expiresAt, order }) =>
      order === null ? [] : [{ ended: [id, expiresAt] as [string, number], order: Number(order) }],
    );
    if (kept.length > 0) {
      const ended: McpSessionsEnded = {
        v: 1,
        after,
        upTo: Math.max(...kept.map(({ order }) => order)),
        ends: kept.map(({ ended: one }) => one),
      };
      // Gateways ask for what they missed.
      await this.#options.broadcast(ended).catch((error: unknown) => this.#options.onProblem(error));
    }
    return {
      v: 1,
      full: fresh.flatMap(({ id, order, until }) =>
        order === null ? [{ id, until: Math.max(now + SKEW_SECONDS, until ?? 0) }] : [],
      ),
    };
  }

  /** Those that follow `after`, in order. */
  async list(after: number): Promise<EndedMcpSessionsPage> {
    const { database } = this.#options;
    const rows = await database.endedMcpSession.findMany({
      where: { order: { gt: after } },
      orderBy: { order: 'asc' },
      take: PAGE,
    });
    if (rows.length === 0) {
      // Lower than `after` when those before it are forgotten; higher only by what has been written since nothing was
      // found.
      const newest = (await database.endedMcpSession.aggregate({ _max: { order: true } }))._max.order ?? 0;
      return { v: 1, ends: [], upTo: Math.min(after, Number(newest)), isLast: true };
    }
    return {
      v: 1,
      ends: rows.map(({ id, expiresAt }) => [id, expiresAt]),
      upTo: Number(rows.at(-1)?.order),
      isLast: rows.length < PAGE,
    };
  }

  /** Removes what would have ended by itself. */
  async forgetExpired(): Promise<void> {
    await this.#options.database.endedMcpSession.deleteMany({
      where: { expiresAt: { lt: this.#nowSeconds() - SKEW_SECONDS } },
    });
  }

  /** One at a time, so that the order is the order of commits: whoever read up to one has read all before it. */
  async #write(
    ends: EndMcpSessions['ends'],
    allowance: number,
    now: number,
  ): Promise<{ fresh: readonly Fresh[]; after: number }> {
    const { database } = this.#options;
    const [, [newest], fresh] = await database.$transaction([
      database.$executeRaw`SELECT pg_advisory_xact_lock(${ORDER_LOCK}::bigint)`,
      database.$queryRaw<{ order: bigint }[]>`SELECT coalesce(max("order"), 0) AS "order" FROM "EndedMcpSession"`,
      database.$queryRaw<Fresh[]>`
        WITH asked AS MATERIALIZED (
          SELECT one->>'id' AS "id", one->>'userId' AS "userId",
          least((one->>'expiresAt')::bigint, ${now + LONGEST_SECONDS})::int AS "expiresAt", position
          FROM jsonb_array_elements(${JSON.stringify(ends)}::jsonb) WITH ORDINALITY AS batch (one, position)
        ), users AS (
          SELECT "userId", count(*) AS "count", min("expiresAt") AS "until" FROM "EndedMcpSession"
          WHERE "userId" IN (SELECT "userId" FROM asked) GROUP BY "userId"
        ), fresh AS (
          SELECT asked.*, row_number() OVER (PARTITION BY "userId" ORDER BY position) AS "place" FROM asked
          WHERE NOT EXISTS (SELECT 1 FROM "EndedMcpSession" known WHERE known."id" = asked."id")
        ), kept AS (
          INSERT INTO "EndedMcpSession" ("id", "userId", "expiresAt")
          SELECT "id", "userId", "expiresAt" FROM fresh LEFT JOIN users USING ("userId")
          WHERE "place" + coalesce("count", 0) <= ${allowance} ORDER BY position
          ON CONFLICT ("id") DO NOTHING RETURNING "id", "order"
        )
        SELECT "id", fresh."expiresAt", "order", "until"
        FROM fresh LEFT JOIN kept USING ("id") LEFT JOIN users USING ("userId")`,
    ]);
    return { fresh, after: Number(newest?.order ?? 0) };
  }

  /** How many may be kept for one user now. */
  async #allowance(): Promise<number> {
    const { database, clock, limits: { perUser, enough, perUserBeyond, most } = LIMITS } = this.#options;
    if (this.#counted === undefined || clock() - this.#counted.at >= COUNT_MS)
      this.#counted = { at: clock(), count: await database.endedMcpSession.count() };
    if (this.#counted.count >= most) return 0;
    return this.#counted.count >= enough ? perUserBeyond : perUser;
  }

  #nowSeconds(): number {
    return Math.floor(this.#options.clock() / 1000);
  }
}
