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
  /** Seconds since the epoch. */
  readonly createdAt: number;
  /** Seconds since the epoch. */
  readonly lastUsedAt: number;
  readonly ended: boolean;
}

/** Agent sessions and remembered consents. A session belongs to exactly one grant (security rule S4). */
export class AgentSessions {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async start(session: Omit<AgentSession, 'sid' | 'createdAt' | 'lastUsedAt' | 'ended'>, grantId: string, at: Date): Promise<AgentSessionId> {
    const sid = newId('ses', at.getTime());
    await this.#database.agentSession.create({ data: { sid, ...session, grantDigest: grantDigestOf(grantId), createdAt: at, lastUsedAt: at } });
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

  async used(sid: string, at: Date): Promise<void> {
    await this.#database.agentSession.updateMany({ where: { sid, endedAt: null }, data: { lastUsedAt: at } });
  }

  /** The newest live one of an agent without a human, which has one for all its tokens. */
  async findMachine(userId: string, clientId: string): Promise<AgentSession | undefined> {
    const row = await this.#database.agentSession.findFirst({ where: { userId, clientId, endedAt: null }, orderBy: { createdAt: 'desc' } });
    return row ? toSession(row) : undefined;
  }

  async findOverdue({ unusedSince, begunBefore, limit }: { unusedSince: Date; begunBefore: Date; limit: number }): Promise<readonly AgentSession[]> {
    const rows = await this.#database.agentSession.findMany({ where: { endedAt: null, OR: [{ lastUsedAt: { lte: unusedSince } }, { createdAt: { lte: begunBefore } }] }, take: limit });
    return rows.map(toSession);
  }

  /** What this user agreed to for this agent last, as a digest (security rule S3). */
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

function toSession(row: { sid: string; userId: string; clientId: string; agentName: string; assurance: string; createdAt: Date; lastUsedAt: Date; endedAt: Date | null }): AgentSession {
  return {
    sid: row.sid as AgentSessionId,
    userId: row.userId,
    clientId: row.clientId,
    agentName: row.agentName,
    assurance: row.assurance as AgentAssurance,
    createdAt: Math.floor(row.createdAt.getTime() / 1000),
    lastUsedAt: Math.floor(row.lastUsedAt.getTime() / 1000),
    ended: row.endedAt !== null,
  };
}
