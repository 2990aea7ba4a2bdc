import { Controller, Get, Inject, Query } from '@nestjs/common';
import type { RevocationIndex } from '@sallyport/configuration';
import type { Database } from '@sallyport/database';
import { isId } from '@sallyport/kernel';
import { z } from 'zod';
import { text } from '../admin/text.js';

export const AGENT_SESSION_LIST = Symbol('agent session list');
export interface AgentSessionListContext {
  /** The authorization server's table; it is only read here. */
  readonly database: Pick<Database, 'agentSession'>;
  readonly revocations: () => Pick<RevocationIndex, 'isRevoked'>;
}

const ListQuery = z.strictObject({
  userId: text(64).optional(),
  clientId: text(2048).optional(),
  /** Leaves out those that ended or were revoked; a page may then be shorter than asked for. */
  live: z
    .enum(['true', 'false'])
    .default('false')
    .transform((value) => value === 'true'),
  before: z
    .string()
    .refine((value) => isId('ses', value), 'must be the sid of a session')
    .optional(),
  limit: z
    .string()
    .regex(/^\d{1,4}$/, 'must be a number from 1 to 1000')
    .transform(Number)
    .pipe(z.int().min(1).max(1_000))
    .default(100),
});

/** Who let which agent in, from where, and whether it still comes: what an administrator looks at before revoking (R85). */
@Controller('v1/agent-sessions')
export class AgentSessionsController {
  constructor(@Inject(AGENT_SESSION_LIST) private readonly context: AgentSessionListContext) {}

  /** Newest first. `next` is what to ask with as `before` to read on; `null` at the end. */
  @Get()
  async list(@Query() query: unknown) {
    const { userId, clientId, live, before, limit } = ListQuery.parse(query);
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
        state: row.endedAt ? 'ended' : revoked ? 'revoked' : 'live',
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
