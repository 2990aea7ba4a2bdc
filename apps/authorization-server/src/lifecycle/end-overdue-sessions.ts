import type { Clock } from '@sallyport/kernel';
import { overdue, type Lifetimes } from '../entitlement/lifetimes.js';
import type { AgentSessions } from '../storage/agent-sessions.js';
import type { EndSession } from './end-session.js';

const BATCH = 500;

/**
 * Ends sessions nobody came back for (R86). Replicas may do it at once: each session is ended, and told of, by one of
 * them.
 */
export async function endOverdueSessions({
  sessions,
  lifetimes,
  endSession,
  clock,
}: {
  sessions: AgentSessions;
  lifetimes: Lifetimes;
  endSession: EndSession;
  clock: Clock;
}): Promise<number> {
  const now = Math.floor(clock() / 1000);
  const found = await sessions.findOverdue({
    unusedSince: new Date((now - lifetimes.sessionIdle) * 1000),
    begunBefore: new Date((now - lifetimes.session) * 1000),
    limit: BATCH,
  });
  for (const session of found)
    await endSession(session.sid, overdue(session, lifetimes, now) ?? 'not used for too long');
  return found.length;
}
