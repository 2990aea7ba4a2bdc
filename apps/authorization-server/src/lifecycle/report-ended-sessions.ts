import type { Clock } from '@sallyport/kernel';
import type { AgentSessions } from '../storage/agent-sessions.js';
import type { NoteEvent } from '@sallyport/trail';

const BATCH = 200;
/** A report that is merely under way is not repeated. */
const SETTLED_MS = 5_000;
/** No access token lives longer (R47), with skew to spare: after that nothing is left to make void. */
const MATTERS_MS = 65 * 60_000;

/**
 * Tells of sessions that ended while nobody heard of it: the process may have died between the two (S28). What is
 * compared is the revocation itself, so repeating is safe, and any replica may do it.
 * @returns how many
 */
export async function reportEndedSessions({
  sessions,
  record,
  clock,
}: {
  sessions: AgentSessions;
  record: NoteEvent;
  clock: Clock;
}): Promise<number> {
  const now = clock();
  const found = await sessions.takeUnreported({
    now: new Date(now),
    endedAfter: new Date(now - MATTERS_MS),
    endedBefore: new Date(now - SETTLED_MS),
    limit: BATCH,
  });
  for (const { endReason, ...session } of found)
    record({ type: 'token.revoked', ...session, reason: endReason ?? 'ended by the authorization server' });
  return found.length;
}
