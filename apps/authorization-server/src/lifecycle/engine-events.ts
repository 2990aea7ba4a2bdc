import { agentName } from '@sallyport/authorization';
import { cleanText } from '@sallyport/kernel';
import type { Logger } from '@sallyport/telemetry';
import type { EngineEvents } from '../engine/engine.js';
import type { AgentSessions } from '../storage/agent-sessions.js';
import type { NoteEvent } from '@sallyport/trail';

const MAX_LEFT_OUT = 300;

/** What the engine reports, as lifecycle records (R80). */
export function engineEvents(record: NoteEvent, sessions: AgentSessions, logger: Logger): EngineEvents {
  return {
    registered: (agent, { leftOut, address }) =>
      record({
        type: 'agent.registered',
        address,
        clientId: agent.clientId,
        agentName: agentName(agent),
        ...(leftOut.length === 0
          ? {}
          : { detail: { redirectUrisLeftOut: cleanText(leftOut.join(' '), MAX_LEFT_OUT) } }),
      }),
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
