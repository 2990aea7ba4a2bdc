import {
  Controller,
  Delete,
  Get,
  Inject,
  NotFoundException,
  Param,
  Query,
  ServiceUnavailableException,
} from '@nestjs/common';
import type { Database } from '@sallyport/database';
import { z } from 'zod';
import { text } from '../admin/text.js';
import { removeRegistration, type RemovalContext } from './remove-registration.js';

export const AGENT_REGISTRATIONS_CONTEXT = Symbol('agent registrations context');
export type AgentRegistrationsContext = RemovalContext & {
  readonly database: Pick<Database, 'dynamicRegistration' | 'agentSession'>;
};

const ListQuery = z.strictObject({
  /** `false`: only those to which no token was issued yet. */
  used: z
    .enum(['true', 'false'])
    .transform((value) => value === 'true')
    .optional(),
  before: text(64).optional(),
  limit: z
    .string()
    .regex(/^\d{1,4}$/, 'must be a number from 1 to 1000')
    .transform(Number)
    .pipe(z.int().min(1).max(1_000))
    .default(100),
});

/** Agents that registered themselves (RFC 7591): what there is of them, and how one is got rid of. */
@Controller('v1/agent-registrations')
export class AgentRegistrationsController {
  constructor(@Inject(AGENT_REGISTRATIONS_CONTEXT) private readonly context: AgentRegistrationsContext) {}

  /** Newest first, with how many sessions each has. `next` is what to ask with as `before` to read on; `null` at the end. */
  @Get()
  async list(@Query() query: unknown) {
    const { used, before, limit } = ListQuery.parse(query);
    const { database } = this.context;
    const rows = await database.dynamicRegistration.findMany({
      ...(used !== undefined && { where: { lastUsedAt: used ? { not: null } : null } }),
      ...(before !== undefined && { cursor: { clientId: before }, skip: 1 }),
      orderBy: [{ registeredAt: 'desc' }, { clientId: 'desc' }],
      take: limit,
    });
    const sessions = await database.agentSession.groupBy({
      by: ['clientId'],
      where: { clientId: { in: rows.map(({ clientId }) => clientId) }, endedAt: null },
      _count: { sid: true },
    });
    const counts = new Map(sessions.map(({ clientId, _count: { sid } }) => [clientId, sid]));
    const registrations = rows.map(({ clientId, clientName, redirectHosts, source, registeredAt, lastUsedAt }) => ({
      clientId,
      name: clientName,
      redirectHosts,
      network: source === '' ? null : source,
      registeredAt: registeredAt.toISOString(),
      lastUsedAt: lastUsedAt?.toISOString() ?? null,
      sessions: counts.get(clientId) ?? 0,
    }));
    return { registrations, next: rows.length === limit ? (rows.at(-1)?.clientId ?? null) : null };
  }

  /** `?reason=` → 200 once it is gone and nothing of it counts any more. */
  @Delete(':clientId')
  async remove(@Param('clientId') clientId: string, @Query() query: Record<string, unknown>) {
    const result = await removeRegistration({ ...query, clientId }, this.context);
    switch (result.outcome) {
      case 'removed':
        return { clientId: result.clientId, disconnected: result.disconnected };
      case 'unknown_registration':
        throw new NotFoundException('There is no such registration.');
      case 'unavailable':
        throw new ServiceUnavailableException(
          `What the agent had is ended; its registration could not be removed yet (${result.reason}). Send it again.`,
        );
    }
  }
}
