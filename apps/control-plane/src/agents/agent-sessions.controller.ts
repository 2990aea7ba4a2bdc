import { Controller, Inject } from '@nestjs/common';
import { routes, type Answered, type Asked } from '@sallyport/admin-api';
import type { RevocationIndex } from '@sallyport/configuration';
import type { Database } from '@sallyport/database';
import { Serve } from '../admin/serve.js';

export const AGENT_SESSION_LIST = Symbol('agent session list');
export interface AgentSessionListContext {
  /** The authorization server's table; it is only read here. */
  readonly database: Pick<Database, 'agentSession'>;
  readonly revocations: () => Pick<RevocationIndex, 'isRevoked'>;
}

/** Lists which user let which agent in, from where, and whether it still comes: read before revoking (R85). */
@Controller()
export class AgentSessionsController {
  constructor(@Inject(AGENT_SESSION_LIST) private readonly context: AgentSessionListContext) {}

  /** `next` is what to ask with as `before` to read on; `null` at the end. */
  @Serve(routes.listAgentSessions)
  async list({ query }: Asked<'listAgentSessions'>): Promise<Answered<'listAgentSessions'>> {
    const { userId, clientId, live, before, limit } = query;
    const rows = await this.context.database.agentSession.findMany({
      where: {
        ...(userId !== undefined && { userId }),
        ...(clientId !== undefined && { clientId }),
        ...(live && { endedAt: null }),
        ...(before !== undefined && { sid: { lt: before } }),
      },
      orderBy: { sid: 'desc' },
      take: limit,
    });
    const revocations = this.context.revocations();
    const sessions = rows.map((row) => {
      const revoked = revocations.isRevoked({
        userId: row.userId,
        clientId: row.clientId,
        sid: row.sid,
        issuedAt: Math.floor(row.createdAt.getTime() / 1000),
      });
      return {
        sid: row.sid,
        userId: row.userId,
        clientId: row.clientId,
        agentName: row.agentName,
        assurance: row.assurance,
        redirectHost: row.redirectHost,
        userAgent: row.userAgent,
        sourceAddress: row.sourceAddress,
        lastUsedAddress: row.lastUsedAddress,
        createdAt: row.createdAt.toISOString(),
        lastUsedAt: row.lastUsedAt.toISOString(),
        state: row.endedAt ? ('ended' as const) : revoked ? ('revoked' as const) : ('live' as const),
        endedAt: row.endedAt?.toISOString() ?? null,
        endReason: row.endReason,
      };
    });
    return {
      sessions: live ? sessions.filter(({ state }) => state === 'live') : sessions,
      next: rows.length === limit ? (rows.at(-1)?.sid ?? null) : null,
    };
  }
}
