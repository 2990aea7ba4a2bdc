import { Controller, Inject, NotFoundException, ServiceUnavailableException } from '@nestjs/common';
import { routes, type Answered, type Asked } from '@sallyport/admin-api';
import type { Database } from '@sallyport/database';
import { Serve } from '../admin/serve.js';
import { removeRegistration, type RemovalContext } from './remove-registration.js';

export const AGENT_REGISTRATIONS_CONTEXT = Symbol('agent registrations context');
export type AgentRegistrationsContext = RemovalContext & {
  readonly database: Pick<Database, 'dynamicRegistration' | 'agentSession'>;
};

/** Lists and removes agents that registered themselves (RFC 7591). */
@Controller()
export class AgentRegistrationsController {
  constructor(@Inject(AGENT_REGISTRATIONS_CONTEXT) private readonly context: AgentRegistrationsContext) {}

  /** `next` is what to ask with as `before` to read on; `null` at the end. */
  @Serve(routes.listAgentRegistrations)
  async list({ query }: Asked<'listAgentRegistrations'>): Promise<Answered<'listAgentRegistrations'>> {
    const { used, before, limit } = query;
    const { database } = this.context;
    const rows = await database.dynamicRegistration.findMany({
      where: {
        ...(used !== undefined && { lastUsedAt: used ? { not: null } : null }),
        ...(before && {
          OR: [
            { registeredAt: { lt: before.registeredAt } },
            { registeredAt: before.registeredAt, clientId: { lt: before.clientId } },
          ],
        }),
      },
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
    const last = rows.length === limit ? rows.at(-1) : undefined;
    return { registrations, next: last ? `${last.registeredAt.getTime()}.${last.clientId}` : null };
  }

  /** Answers once the registration is gone and nothing of it counts any more. */
  @Serve(routes.removeAgentRegistration)
  async remove({ params, query }: Asked<'removeAgentRegistration'>): Promise<Answered<'removeAgentRegistration'>> {
    const result = await removeRegistration({ ...params, reason: query.reason }, this.context);
    switch (result.type) {
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
