import { randomUUID } from 'node:crypto';
import { Prisma, type Database } from '@sallyport/database';
import { newId, type Clock } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import {
  digestOfBrowser,
  openTokens,
  sealTokens,
  toSession,
  type EndedAgentSession,
  type EndScope,
  type Held,
  type IdentitySession,
  type KeptTokens,
  type NewIdentitySession,
} from './identity-session.js';

const NO_LOCK = { lockOwner: null, lockUntil: null } as const;

/**
 * Sign-ins at identity providers. Each write that decides something is one conditional UPDATE: PostgreSQL says who was
 * first.
 */
export class IdentitySessions {
  readonly #database: Database;
  readonly #sealer: Sealer;
  readonly #clock: Clock;

  constructor(database: Database, sealer: Sealer, clock: Clock) {
    this.#database = database;
    this.#sealer = sealer;
    this.#clock = clock;
  }

  async begin({ tokens, providerSid, ...facts }: NewIdentitySession): Promise<IdentitySession> {
    const now = new Date(this.#clock());
    const id = newId('ids', now.getTime());
    const sealedTokens = tokens ? sealTokens(this.#sealer, { id, ...facts, revision: 1 }, tokens) : null;
    return toSession(
      await this.#database.identitySession.create({
        data: {
          id,
          ...facts,
          providerSid: providerSid ?? null,
          sealedTokens,
          askedAt: now,
          confirmedAt: now,
          createdAt: now,
        },
      }),
    );
  }

  async find(id: string): Promise<IdentitySession | undefined> {
    const row = await this.#database.identitySession.findUnique({ where: { id } });
    return row ? toSession(row) : undefined;
  }

  /** What was kept of a sign-in; undefined where nothing was, and after its end. */
  async tokens(id: string): Promise<KeptTokens | undefined> {
    const row = await this.#database.identitySession.findFirst({ where: { id, endedAt: null } });
    return row ? openTokens(this.#sealer, row) : undefined;
  }

  /** Stores that the sign-in belongs to this browser session. */
  async bindBrowser(id: string, browserUid: string): Promise<void> {
    await this.#database.identitySession.updateMany({
      where: { id, browserDigest: null, browserEndedAt: null, endedAt: null },
      data: { browserDigest: digestOfBrowser(browserUid) },
    });
  }

  /** The newest sign-in of a browser session, ended or not. */
  async ofBrowser(browserUid: string): Promise<IdentitySession | undefined> {
    const row = await this.#database.identitySession.findFirst({
      where: { browserDigest: digestOfBrowser(browserUid) },
      orderBy: { createdAt: 'desc' },
    });
    return row ? toSession(row) : undefined;
  }

  /**
   * Takes hold of a sign-in for a time. The database's clock says when a hold ends: those of the replicas may differ by
   * more than a hold lasts.
   * @returns undefined when somebody else holds it or it is no more
   */
  async take(id: string, forMs: number): Promise<Held | undefined> {
    const owner = randomUUID();
    const taken = await this.#database.$executeRaw`
      UPDATE "IdentitySession"
        SET "lockOwner" = ${owner}, "lockUntil" = ${fromNow(forMs)}, "askedAt" = ${new Date(this.#clock())}
      WHERE id = ${id} AND "endedAt" IS NULL AND ("lockUntil" IS NULL OR "lockUntil" <= clock_timestamp())`;
    const row = taken === 1 ? await this.#database.identitySession.findUnique({ where: { id } }) : null;
    return row && row.lockOwner === owner
      ? { session: toSession(row), owner, tokens: openTokens(this.#sealer, row) }
      : undefined;
  }

  /** Prolongs a hold. */
  async renew({ session: { id }, owner }: Held, forMs: number): Promise<void> {
    await this.#database.$executeRaw`UPDATE "IdentitySession" SET "lockUntil" = ${fromNow(forMs)} WHERE id = ${id}
        AND "lockOwner" = ${owner}`;
  }

  /** Notes that the refresh token is about to be sent. @returns false when the hold was lost: it must not be sent */
  async sending(held: Held): Promise<boolean> {
    const { count } = await this.#database.identitySession.updateMany({
      where: fence(held),
      data: { unansweredSince: new Date(held.session.unansweredSince ?? this.#clock()) },
    });
    return count === 1;
  }

  /** Takes that note back: the provider was not reached, or said that it did nothing. */
  async unsent(held: Held): Promise<void> {
    const { unansweredSince } = held.session;
    await this.#database.identitySession.updateMany({
      where: fence(held),
      data: { unansweredSince: unansweredSince === undefined ? null : new Date(unansweredSince) },
    });
  }

  /**
   * Stores what replaces the tokens, which answers what was asked, while the hold goes on.
   * @returns undefined when the hold was lost: nothing changed
   */
  async keep(held: Held, tokens: KeptTokens): Promise<Held | undefined> {
    const session = { ...held.session, revision: held.session.revision + 1, unansweredSince: undefined };
    const { count } = await this.#database.identitySession.updateMany({
      where: fence(held),
      data: {
        sealedTokens: sealTokens(this.#sealer, session, tokens),
        revision: session.revision,
        unansweredSince: null,
      },
    });
    return count === 1 ? { session, owner: held.owner, tokens } : undefined;
  }

  /**
   * The same after the hold was lost, as while the database is away. Whoever took it meanwhile asked with a spent
   * token: only a newer one counts more than these, and they may do nothing more.
   */
  async keepLate({ session: { id, revision }, owner }: Held, tokens: KeptTokens): Promise<Held | undefined> {
    const row = await this.#database.identitySession.findFirst({ where: { id, endedAt: null } });
    const isGivenUp = row?.revision === revision + 1 && openTokens(this.#sealer, row)?.isRefreshTokenLost === true;
    if (!row || (row.revision !== revision && !isGivenUp)) return undefined;
    await this.#database.identitySession.updateMany({
      where: { id, revision: row.revision, endedAt: null },
      data: { lockOwner: owner },
    });
    return this.keep({ session: toSession(row), owner, tokens: undefined }, tokens);
  }

  /** @returns false when the hold was lost: nothing changed */
  async confirm(held: Held): Promise<boolean> {
    const { count } = await this.#database.identitySession.updateMany({
      where: fence(held),
      data: { confirmedAt: new Date(this.#clock()), ...NO_LOCK },
    });
    return count === 1;
  }

  /** Gives up a hold without having learnt anything. */
  async release({ session: { id }, owner }: Held): Promise<void> {
    await this.#database.identitySession.updateMany({ where: { id, lockOwner: owner }, data: NO_LOCK });
  }

  async isHeld(id: string): Promise<boolean> {
    const rows = await this.#database.$queryRaw<
      unknown[]
    >`SELECT id FROM "IdentitySession" WHERE id = ${id} AND "lockUntil" > clock_timestamp()`;
    return rows.length > 0;
  }

  /** Whether what a held session learnt still counts. */
  async stillHolds(held: Held): Promise<boolean> {
    return (await this.#database.identitySession.count({ where: fence(held) })) === 1;
  }

  /**
   * Sign-ins of agents that may hold a live access token, and that were not asked about since, or whose last question
   * was left without an answer: while that is young, a provider that allows a repeat gives the same answer again, so
   * those come first. Not those that somebody holds, and so asks about.
   */
  async due(
    trustProvider: string,
    {
      askedBefore,
      usedSince,
      open,
      limit,
    }: { askedBefore: Date; usedSince: Date; open: { since: Date; askedBefore: Date }; limit: number },
  ): Promise<readonly string[]> {
    const isOpen: Prisma.IdentitySessionWhereInput = {
      unansweredSince: { gte: open.since },
      askedAt: { lte: open.askedBefore },
    };
    const isFree: Prisma.IdentitySessionWhereInput = {
      OR: [{ lockUntil: null }, { lockUntil: { lte: new Date(this.#clock()) } }],
    };
    const rows = await this.#database.identitySession.findMany({
      where: {
        trustProvider,
        endedAt: null,
        AND: [isFree, { OR: [{ askedAt: { lte: askedBefore } }, isOpen] }],
        agentSessions: { some: { endedAt: null, lastUsedAt: { gte: usedSince } } },
      },
      orderBy: [{ unansweredSince: { sort: 'asc', nulls: 'last' } }, { askedAt: 'asc' }],
      take: limit,
      select: { id: true },
    });
    return rows.map(({ id }) => id);
  }

  /**
   * Those a provider means when it names them by its own `sub`, its own `sid`, or both (Back-Channel Logout 1.0 section
   * 2.7).
   */
  async namedBy(
    trustProvider: string,
    issuer: string,
    { sub, sid }: { sub: string | undefined; sid: string | undefined },
  ): Promise<readonly Pick<IdentitySession, 'id' | 'userId'>[]> {
    if (sub === undefined && sid === undefined) return [];
    // Which session of a human it means cannot be told where the sign-in named none: then it means this one too.
    const bySid =
      sid === undefined
        ? {}
        : sub === undefined
          ? { providerSid: sid }
          : { OR: [{ providerSid: sid }, { providerSid: null }] };
    const rows = await this.#database.identitySession.findMany({
      where: { trustProvider, issuer, endedAt: null, ...(sub === undefined ? {} : { subject: sub }), ...bySid },
    });
    return rows.map(toSession);
  }

  /**
   * Those of one browser session that nobody signed out of yet, with the newest one's ID token, which names the session
   * to the provider.
   */
  async inBrowser(
    browserUid: string,
  ): Promise<readonly { readonly session: IdentitySession; readonly idToken: string | undefined }[]> {
    const rows = await this.#database.identitySession.findMany({
      where: { browserDigest: digestOfBrowser(browserUid), browserEndedAt: null, endedAt: null },
      orderBy: { createdAt: 'desc' },
    });
    return rows.map((row) => ({ session: toSession(row), idToken: openTokens(this.#sealer, row)?.idToken }));
  }

  /** Signs out a browser, which starts afresh. Agents keep what they were given. */
  async endInBrowser(browserUid: string): Promise<void> {
    await this.#endInBrowser(digestOfBrowser(browserUid));
  }

  /** Signs out the browser in which this sign-in was made. Agents keep what they were given. */
  async endInItsBrowser(id: string): Promise<void> {
    const row = await this.#database.identitySession.findUnique({ where: { id }, select: { browserDigest: true } });
    if (row?.browserDigest) await this.#endInBrowser(row.browserDigest);
  }

  async #endInBrowser(browserDigest: string): Promise<void> {
    await this.#database.$transaction([
      this.#database.identitySession.updateMany({
        where: { browserDigest, browserEndedAt: null },
        data: { browserEndedAt: new Date(this.#clock()) },
      }),
      this.#database.oidcArtifact.deleteMany({ where: { kind: 'Session', uidDigest: browserDigest } }),
    ]);
  }

  /**
   * Ends sign-ins with all that came of them: browser sessions, agent sessions, and everything issued under those, in
   * one transaction with the cause (S8). The tokens are forgotten.
   * @param scope some sign-ins, or everything of a user
   * @returns the agent sessions that this call ended, to be told of
   */
  async end(scope: EndScope, reason: string): Promise<readonly EndedAgentSession[]> {
    const endedAt = new Date(this.#clock());
    const identities: Prisma.IdentitySessionWhereInput =
      'userId' in scope ? { userId: scope.userId } : { id: { in: [...scope.ids] } };
    const agents: Prisma.AgentSessionWhereInput =
      'userId' in scope ? { userId: scope.userId } : { identitySessionId: { in: [...scope.ids] } };
    return this.#database.$transaction(async (transaction) => {
      const browsers = await transaction.identitySession.updateManyAndReturn({
        where: { ...identities, endedAt: null },
        data: { endedAt, sealedTokens: null, unansweredSince: null, ...NO_LOCK },
        select: { browserDigest: true },
      });
      const ended = await transaction.agentSession.updateManyAndReturn({
        where: { ...agents, endedAt: null },
        data: { endedAt, endReason: reason },
        select: { sid: true, userId: true, clientId: true, agentName: true, grantDigest: true },
      });
      const grantDigests = ended.map(({ grantDigest }) => grantDigest);
      const uidDigests = browsers.flatMap(({ browserDigest }) => browserDigest ?? []);
      await transaction.oidcArtifact.deleteMany({
        where: {
          OR: [
            { grantDigest: { in: grantDigests } },
            { kind: 'Grant', idDigest: { in: grantDigests } },
            { kind: 'Session', uidDigest: { in: uidDigests } },
          ],
        },
      });
      return ended.map(({ sid, userId, clientId, agentName }) => ({ sid, userId, clientId, agentName }));
    });
  }

  /** Ends sign-ins that no browser and no agent uses any more, and so forgets their tokens. */
  async endUnused(madeBefore: Date): Promise<void> {
    await this.#database.identitySession.updateMany({
      where: { endedAt: null, createdAt: { lt: madeBefore }, agentSessions: { none: { endedAt: null } } },
      data: { endedAt: new Date(this.#clock()), sealedTokens: null },
    });
  }
}

const fromNow = (forMs: number): Prisma.Sql =>
  Prisma.sql`clock_timestamp() + ${forMs}::float8 * interval '1 millisecond'`;

const fence = ({ session, owner }: Held): Prisma.IdentitySessionWhereInput => ({
  id: session.id,
  lockOwner: owner,
  revision: session.revision,
  endedAt: null,
});
