import { agentName } from '@sallyport/authorization';
import type { Logger } from '@sallyport/telemetry';
import type { EngineEvents } from '../engine/engine.js';
import type { AgentSessions } from '../storage/agent-sessions.js';
import type { RecordLifecycle } from './record-lifecycle.js';

/** What the engine reports, as lifecycle records (R80). */
export function engineEvents(record: RecordLifecycle, sessions: AgentSessions, logger: Logger): EngineEvents {
  return {
    registered: (agent) => record({ type: 'agent.registered', clientId: agent.clientId, agentName: agentName(agent) }),
    tokenIssued: (kind, subject, scope) =>
      record({ type: kind === 'refresh' ? 'token.refreshed' : 'token.issued', ...subject, detail: { scope } }),
    tokenRefused: (subject, error, reason) =>
      record({ type: 'token.refused', ...subject, reason: reason ?? error, detail: { error } }),
    grantRevoked: (grantId, clientId, reason) => {
      sessions.findByGrant(grantId).then(
        (session) =>
          record({
            type: 'token.revoked',
            clientId,
            userId: session?.userId,
            agentName: session?.agentName,
            sid: session?.sid,
            reason,
          }),
        (err: unknown) => {
          record({ type: 'token.revoked', clientId, reason });
          logger.error({ err }, 'the session of a revoked grant could not be read');
        },
      );
    },
    failed: (err) => logger.error({ err }, 'the OAuth engine failed'),
  };
}
