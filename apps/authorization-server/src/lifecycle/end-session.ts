import type { AgentSessions } from '../storage/agent-sessions.js';
import type { ArtifactStore } from '../storage/artifact-store.js';
import type { NoteEvent } from '@sallyport/trail';

export type EndSession = (sid: string, reason: string) => Promise<void>;

/**
 * Ends an agent session with its grant and everything issued under it; the record makes the gateways hear of it (S28,
 * R80).
 */
export function createEndSession({
  store,
  sessions,
  record,
}: {
  store: ArtifactStore;
  sessions: AgentSessions;
  record: NoteEvent;
}): EndSession {
  return async (sid, reason) => {
    if (!(await store.revokeSession(sid, reason))) return; // it had ended before
    const session = await sessions.find(sid);
    record({
      type: 'token.revoked',
      sid,
      userId: session?.userId,
      clientId: session?.clientId,
      agentName: session?.agentName,
      reason,
    });
  };
}
