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
  readonly ended: boolean;
}

/** Agent sessions and remembered consents. A session belongs to exactly one grant (security rule S4). */
export class AgentSessions {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async start(session: Omit<AgentSession, 'sid' | 'createdAt' | 'ended'>, grantId: string, at: Date): Promise<AgentSessionId> {
    const sid = newId('ses', at.getTime());
    await this.#database.agentSession.create({ data: { sid, ...session, grantDigest: grantDigestOf(grantId), createdAt: at } });
    return sid;
  }

  async findByGrant(grantId: string): Promise<AgentSession | undefined> {
    return toSession(await this.#database.agentSession.findFirst({ where: { grantDigest: grantDigestOf(grantId) } }));
  }

  async find(sid: string): Promise<AgentSession | undefined> {
    return toSession(await this.#database.agentSession.findUnique({ where: { sid } }));
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

function toSession(row: { sid: string; userId: string; clientId: string; agentName: string; assurance: string; createdAt: Date; endedAt: Date | null } | null): AgentSession | undefined {
  if (!row) return undefined;
  return {
    sid: row.sid as AgentSessionId,
    userId: row.userId,
    clientId: row.clientId,
    agentName: row.agentName,
    assurance: row.assurance as AgentAssurance,
    createdAt: Math.floor(row.createdAt.getTime() / 1000),
    ended: row.endedAt !== null,
  };
}
