import { createHash, randomUUID } from 'node:crypto';
import type { Database, Prisma } from '@sallyport/database';
import { newId, type Clock, type Id } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import { sealedColumn } from '@sallyport/vault';
import { z } from 'zod';

export type IdentitySessionId = Id<'ids'>;

/** Of a sign-in, as far as the trust provider's document says to keep them. Authentication facts stand for those that a later answer leaves out. */
const KeptTokens = z.object({
  v: z.literal(1),
  refreshToken: z.string().optional(),
  accessToken: z.string().optional(),
  idToken: z.string().optional(),
  /** Milliseconds since the epoch. */
  accessExpiresAt: z.number().optional(),
  authentication: z.record(z.string(), z.unknown()),
});
export type KeptTokens = Omit<z.infer<typeof KeptTokens>, 'v'>;

export interface IdentitySession {
  readonly id: IdentitySessionId;
  readonly userId: string;
  readonly trustProvider: string;
  readonly issuer: string;
  /** `sub` of the provider's ID token. */
  readonly subject: string;
  readonly revision: number;
  /** Milliseconds since the epoch. */
  readonly askedAt: number;
  /** Milliseconds since the epoch. */
  readonly confirmedAt: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly ended: boolean;
  /** Ended, or signed out of in its browser. */
  readonly browserEnded: boolean;
}
export type NewIdentitySession = Pick<IdentitySession, 'userId' | 'trustProvider' | 'issuer' | 'subject'> & {
  readonly providerSid: string | undefined;
  readonly tokens: KeptTokens | undefined;
};
/** Whoever holds it is the only one who asks the provider. */
export interface Held {
  readonly session: IdentitySession;
  readonly owner: string;
  readonly tokens: KeptTokens | undefined;
}

const PURPOSE = 'identity-session';
const NO_LOCK = { lockOwner: null, lockUntil: null } as const;
type Row = NonNullable<Awaited<ReturnType<Database['identitySession']['findUnique']>>>;
/** How a browser is named here and in `OidcArtifact.uidDigest`. */
const digestOf = (browserUid: string): string => createHash('sha256').update(browserUid).digest('base64url');

/** Sign-ins at identity providers. Each write that decides something is one conditional UPDATE: PostgreSQL says who was first. */
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
    const sealedTokens = tokens ? this.#seal({ id, ...facts, revision: 1 }, tokens) : null;
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

  /** Undefined where nothing was kept, and after its end. */
  async tokens(id: string): Promise<KeptTokens | undefined> {
    const row = await this.#database.identitySession.findFirst({ where: { id, endedAt: null } });
    return row ? this.#open(row) : undefined;
  }

  /** The sign-in now belongs to this browser session of ours. */
  async bindBrowser(id: string, browserUid: string): Promise<void> {
    await this.#database.identitySession.updateMany({
      where: { id, browserDigest: null, browserEndedAt: null, endedAt: null },
      data: { browserDigest: digestOf(browserUid) },
    });
  }

  /** The newest sign-in of a browser session of ours, ended or not. */
  async ofBrowser(browserUid: string): Promise<IdentitySession | undefined> {
    const row = await this.#database.identitySession.findFirst({
      where: { browserDigest: digestOf(browserUid) },
      orderBy: { createdAt: 'desc' },
    });
    return row ? toSession(row) : undefined;
  }

  /** @returns undefined when somebody else holds it or it is no more */
  async take(id: string, forMs: number): Promise<Held | undefined> {
    const now = this.#clock();
    const owner = randomUUID();
    const { count } = await this.#database.identitySession.updateMany({
      where: { id, endedAt: null, OR: [{ lockUntil: null }, { lockUntil: { lte: new Date(now) } }] },
      data: { lockOwner: owner, lockUntil: new Date(now + forMs), askedAt: new Date(now) },
    });
    const row = count === 1 ? await this.#database.identitySession.findUnique({ where: { id } }) : null;
    return row && row.lockOwner === owner ? { session: toSession(row), owner, tokens: this.#open(row) } : undefined;
  }

  /** Stores what replaces the tokens while the hold goes on. @returns undefined when the hold was lost: nothing changed */
  async keep(held: Held, tokens: KeptTokens): Promise<Held | undefined> {
    const session = { ...held.session, revision: held.session.revision + 1 };
    const { count } = await this.#database.identitySession.updateMany({
      where: fence(held),
      data: { sealedTokens: this.#seal(session, tokens), revision: session.revision },
    });
    return count === 1 ? { session, owner: held.owner, tokens } : undefined;
  }

  /** @returns false when the hold was lost: nothing changed */
  async confirm(held: Held): Promise<boolean> {
    const { count } = await this.#database.identitySession.updateMany({
      where: fence(held),
      data: { confirmedAt: new Date(this.#clock()), ...NO_LOCK },
    });
    return count === 1;
  }

  /** Lets go without having learnt anything. */
  async release(held: Held): Promise<void> {
    await this.#database.identitySession.updateMany({ where: fence(held), data: NO_LOCK });
  }

  async isHeld(id: string): Promise<boolean> {
    return (
      (await this.#database.identitySession.count({ where: { id, lockUntil: { gt: new Date(this.#clock()) } } })) > 0
    );
  }

  /** Whether what a held session learnt still counts. */
  async stillHolds(held: Held): Promise<boolean> {
    return (await this.#database.identitySession.count({ where: fence(held) })) === 1;
  }

  /** Sign-ins of agents that may hold a live access token, and that were not asked about since. */
  async due(
    trustProvider: string,
    { askedBefore, usedSince, limit }: { askedBefore: Date; usedSince: Date; limit: number },
  ): Promise<readonly string[]> {
    const rows = await this.#database.identitySession.findMany({
      where: {
        trustProvider,
        endedAt: null,
        askedAt: { lte: askedBefore },
        agentSessions: { some: { endedAt: null, lastUsedAt: { gte: usedSince } } },
      },
      orderBy: { askedAt: 'asc' },
      take: limit,
      select: { id: true },
    });
    return rows.map(({ id }) => id);
  }

  /** Those a provider means when it names them by its own `sub`, its own `sid`, or both (Back-Channel Logout 1.0 section 2.7). */
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

  /** Those of one browser session that nobody signed out of yet, with the newest one's ID token, which names the session to the provider. */
  async inBrowser(
    browserUid: string,
  ): Promise<readonly { readonly session: IdentitySession; readonly idToken: string | undefined }[]> {
    const rows = await this.#database.identitySession.findMany({
      where: { browserDigest: digestOf(browserUid), browserEndedAt: null, endedAt: null },
      orderBy: { createdAt: 'desc' },
    });
    return rows.map((row) => ({ session: toSession(row), idToken: this.#open(row)?.idToken }));
  }

  /** Somebody signed out: the browser starts afresh, agents keep what they were given. */
  async endInBrowser(browserUid: string): Promise<void> {
    await this.#endInBrowser(digestOf(browserUid));
  }

  /** The browser it was made in has to sign in anew; agents keep what they were given. */
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
   * Ends sign-ins with all that came of them: browser sessions, agent sessions, and everything issued under those, in one
   * transaction with the cause (security rule S8). The tokens are forgotten.
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
        data: { endedAt, sealedTokens: null, ...NO_LOCK },
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

  /** Ends sign-ins nothing can come of any more, in no browser and by no agent, and so forgets their tokens. */
  async endUnused(madeBefore: Date): Promise<void> {
    await this.#database.identitySession.updateMany({
      where: { endedAt: null, createdAt: { lt: madeBefore }, agentSessions: { none: { endedAt: null } } },
      data: { endedAt: new Date(this.#clock()), sealedTokens: null },
    });
  }

  #seal(
    session: Pick<IdentitySession, 'id' | 'userId' | 'trustProvider' | 'issuer' | 'revision'>,
    tokens: KeptTokens,
  ): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(
      this.#sealer.seal(
        PURPOSE,
        JSON.stringify({ v: 1, ...tokens } satisfies z.infer<typeof KeptTokens>),
        boundTo(session),
      ),
    );
  }

  #open(row: Row): KeptTokens | undefined {
    return row.sealedTokens
      ? KeptTokens.parse(JSON.parse(this.#sealer.open(PURPOSE, row.sealedTokens, boundTo(row)).toString('utf8')))
      : undefined;
  }
}

export type EndScope = { readonly ids: readonly string[] } | { readonly userId: string };
export interface EndedAgentSession {
  readonly sid: string;
  readonly userId: string;
  readonly clientId: string;
  readonly agentName: string;
}

const fence = ({ session, owner }: Held): Prisma.IdentitySessionWhereInput => ({
  id: session.id,
  lockOwner: owner,
  revision: session.revision,
  endedAt: null,
});

export const identitySessionColumn = sealedColumn(
  'IdentitySession',
  PURPOSE,
  z.object({ id: z.string(), userId: z.string(), trustProvider: z.string(), issuer: z.string(), revision: z.int() }),
  boundTo,
);

/** Security rule S22: a token opens only in the record it was stored in, and only as its latest. */
function boundTo({
  id,
  userId,
  trustProvider,
  issuer,
  revision,
}: {
  id: string;
  userId: string;
  trustProvider: string;
  issuer: string;
  revision: number;
}): string {
  return JSON.stringify([id, userId, trustProvider, issuer, revision]);
}

function toSession({
  id,
  userId,
  trustProvider,
  issuer,
  subject,
  revision,
  askedAt,
  confirmedAt,
  createdAt,
  endedAt,
  browserEndedAt,
}: Row): IdentitySession {
  return {
    id: id as IdentitySessionId,
    userId,
    trustProvider,
    issuer,
    subject,
    revision,
    askedAt: askedAt.getTime(),
    confirmedAt: confirmedAt.getTime(),
    createdAt: createdAt.getTime(),
    ended: endedAt !== null,
    browserEnded: endedAt !== null || browserEndedAt !== null,
  };
}
