import { newId, type AgentSessionId } from '@sallyport/kernel';
import type { Database } from '@sallyport/database';
import type { AgentAssurance } from '@sallyport/policy';
import { grantDigestOf } from './artifact-store.js';

export interface AgentSession {
  readonly sid: AgentSessionId;
  readonly userId: string;
  readonly clientId: string;
  readonly agentName: string;
  readonly assurance: AgentAssurance;
  /** The sign-in it came from; none for an agent that acts for itself. */
  readonly identitySessionId: string | undefined;
  /** Seconds since the epoch. */
  readonly createdAt: number;
  /** Seconds since the epoch. */
  readonly lastUsedAt: number;
  /** The address from which its agent refreshed last. */
  readonly lastUsedAddress: string | undefined;
  readonly ended: boolean;
}

/** What is stored with a new session. */
export interface NewAgentSession extends Pick<AgentSession, 'userId' | 'clientId' | 'agentName' | 'assurance'> {
  readonly identitySessionId?: string | undefined;
  readonly place?: AgentPlace | undefined;
}
/**
 * Where a session was begun, for whoever looks at the list and wonders whether it is theirs. Nothing is decided by it.
 */
export interface AgentPlace {
  readonly redirectHost: string;
  readonly userAgent: string | undefined;
  readonly sourceAddress: string;
}
const MAX_USER_AGENT = 256;
/** An ended session whose end never became a revocation is reported again after this long. */
const REPORT_AGAIN_MS = 60_000;

/** Agent sessions and remembered consents. A session belongs to exactly one grant (S4). */
export class AgentSessions {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async start(
    { place, identitySessionId, ...session }: NewAgentSession,
    grantId: string,
    at: Date,
  ): Promise<AgentSessionId> {
    const sid = newId('ses', at.getTime());
    const from = place
      ? {
          redirectHost: place.redirectHost,
          userAgent: place.userAgent?.slice(0, MAX_USER_AGENT) ?? null,
          sourceAddress: place.sourceAddress,
          lastUsedAddress: place.sourceAddress,
        }
      : {};
    await this.#database.agentSession.create({
      data: {
        sid,
        ...session,
        ...from,
        identitySessionId: identitySessionId ?? null,
        grantDigest: grantDigestOf(grantId),
        createdAt: at,
        lastUsedAt: at,
      },
    });
    return sid;
  }

  async findByGrant(grantId: string): Promise<AgentSession | undefined> {
    const row = await this.#database.agentSession.findFirst({ where: { grantDigest: grantDigestOf(grantId) } });
    return row ? toSession(row) : undefined;
  }

  async find(sid: string): Promise<AgentSession | undefined> {
    const row = await this.#database.agentSession.findUnique({ where: { sid } });
    return row ? toSession(row) : undefined;
  }

  /** Whether somebody let this agent in, and may come back with it. */
  async isAgentInUse(clientId: string): Promise<boolean> {
    const [row] = await this.#database.$queryRaw<{ used: boolean }[]>`
      SELECT EXISTS (SELECT 1 FROM "AgentSession" WHERE "clientId" = ${clientId} AND "endedAt" IS NULL)
          OR EXISTS (SELECT 1 FROM "AgentConsent" WHERE "clientId" = ${clientId}) AS used`;
    return row?.used === true;
  }

  async used(sid: string, at: Date, sourceAddress: string | null): Promise<void> {
    await this.#database.agentSession.updateMany({
      where: { sid, endedAt: null },
      data: { lastUsedAt: at, ...(sourceAddress === null ? {} : { lastUsedAddress: sourceAddress }) },
    });
  }

  /** The newest live session of an agent that acts for itself: it has one for all its tokens. */
  async findMachine(userId: string, clientId: string): Promise<AgentSession | undefined> {
    const row = await this.#database.agentSession.findFirst({
      where: { userId, clientId, endedAt: null },
      orderBy: { createdAt: 'desc' },
    });
    return row ? toSession(row) : undefined;
  }

  async findOverdue({
    unusedSince,
    begunBefore,
    limit,
  }: {
    unusedSince: Date;
    begunBefore: Date;
    limit: number;
  }): Promise<readonly AgentSession[]> {
    const rows = await this.#database.agentSession.findMany({
      where: { endedAt: null, OR: [{ lastUsedAt: { lte: unusedSince } }, { createdAt: { lte: begunBefore } }] },
      take: limit,
    });
    return rows.map(toSession);
  }

  /**
   * Ended sessions that no revocation names: the process that ended them died before it said so, or its message was
   * lost. Each is given to one caller, and to nobody else for a minute.
   */
  async takeUnreported({
    endedAfter,
    endedBefore,
    now,
    limit,
  }: {
    endedAfter: Date;
    endedBefore: Date;
    now: Date;
    limit: number;
  }): Promise<readonly UnreportedEnd[]> {
    const again = new Date(now.getTime() - REPORT_AGAIN_MS);
    return this.#database.$queryRaw<UnreportedEnd[]>`
      UPDATE "AgentSession" SET "reportedAgainAt" = ${now} WHERE sid IN (
        SELECT s.sid FROM "AgentSession" s
        WHERE s."endedAt" > ${endedAfter} AND s."endedAt" <= ${endedBefore} AND (s."reportedAgainAt" IS NULL
          OR s."reportedAgainAt" <= ${again})
          AND NOT EXISTS (SELECT 1 FROM "Revocation" r WHERE r."subjectType" = 'session'
            AND r.subject = jsonb_build_object('type', 'session', 'sid', s.sid))
        ORDER BY s."endedAt" LIMIT ${limit} FOR UPDATE SKIP LOCKED)
      RETURNING sid, "userId", "clientId", "agentName", "endReason"`;
  }

  /** The digest of what this user agreed to last for this agent (S3). */
  async consented(userId: string, clientId: string): Promise<string | undefined> {
    const row = await this.#database.agentConsent.findUnique({ where: { userId_clientId: { userId, clientId } } });
    return row?.metadataDigest;
  }

  async rememberConsent(userId: string, clientId: string, metadataDigest: string, at: Date): Promise<void> {
    await this.#database.agentConsent.upsert({
      where: { userId_clientId: { userId, clientId } },
      create: { userId, clientId, metadataDigest, grantedAt: at },
      update: { metadataDigest, grantedAt: at },
    });
  }
}

export interface UnreportedEnd {
  readonly sid: string;
  readonly userId: string;
  readonly clientId: string;
  readonly agentName: string;
  readonly endReason: string | null;
}

function toSession(row: {
  sid: string;
  userId: string;
  clientId: string;
  agentName: string;
  assurance: string;
  identitySessionId: string | null;
  createdAt: Date;
  lastUsedAt: Date;
  lastUsedAddress: string | null;
  endedAt: Date | null;
}): AgentSession {
  return {
    sid: row.sid as AgentSessionId,
    userId: row.userId,
    clientId: row.clientId,
    agentName: row.agentName,
    assurance: row.assurance as AgentAssurance,
    identitySessionId: row.identitySessionId ?? undefined,
    createdAt: Math.floor(row.createdAt.getTime() / 1000),
    lastUsedAt: Math.floor(row.lastUsedAt.getTime() / 1000),
    lastUsedAddress: row.lastUsedAddress ?? undefined,
    ended: row.endedAt !== null,
  };
}
