import { agentName } from '@sallyport/authorization';
import type { Logger } from '@sallyport/telemetry';
import type { EngineEvents } from '../engine/engine.js';
import type { RecordLifecycle } from './record-lifecycle.js';

/** What the engine reports, as lifecycle records (R80). */
export function engineEvents(record: RecordLifecycle, logger: Logger): EngineEvents {
  return {
    registered: (agent) => record({ type: 'agent.registered', clientId: agent.clientId, agentName: agentName(agent) }),
    tokenIssued: (kind, subject, scope) => record({ type: kind === 'refresh' ? 'token.refreshed' : 'token.issued', ...subject, detail: { scope } }),
    tokenRefused: (subject, error, reason) => record({ type: 'token.refused', ...subject, reason: reason ?? error, detail: { error } }),
    grantRevoked: (subject, reason) => record({ type: 'token.revoked', ...subject, reason }),
    failed: (err) => logger.error({ err }, 'the OAuth engine failed'),
  };
}
