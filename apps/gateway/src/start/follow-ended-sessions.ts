import { subjects } from '@sallyport/messages';
import { degraded } from '@sallyport/process';
import { EndAnnouncements } from '../session/announce-ends.js';
import { EndedSessions } from '../session/ended-sessions.js';
import { MissedEnds } from '../session/missed-ends.js';
import type { Foundation } from './foundation.js';

const LOOK_MS = 1_000;

export interface EndedSessionsParts {
  readonly announcements: EndAnnouncements;
  readonly endedSessions: EndedSessions;
  readonly missedEnds: MissedEnds;
}

/** MCP sessions that ended: here, told to the control plane; elsewhere, learned from it. */
export function createEndedSessions({ config, messaging, logger, clock, ask }: Foundation): EndedSessionsParts {
  const announcements = new EndAnnouncements({
    clock,
    random: Math.random,
    announce: (ends) => ask(subjects.endMcpSessions, { v: 1, replica: config.replica, ends: [...ends] }),
    onFailing: (error) => logger.warn({ err: error }, 'ended sessions cannot be told to the other gateways yet'),
    onRecovered: () => logger.info('ended sessions are told to the other gateways again'),
    onNotKept: (count) =>
      logger.warn({ count }, "sessions that ended here go on elsewhere: too many of their users' are remembered"),
  });
  const endedSessions = new EndedSessions({ announcements, clock });
  const missedEnds = new MissedEnds({
    clock,
    random: Math.random,
    connections: () => messaging.connections(),
    learn: (ends) => endedSessions.learn(ends),
    list: (after) => ask(subjects.listEndedMcpSessions, { v: 1, replica: config.replica, after }),
    onFailing: (error) => logger.warn({ err: error }, 'it cannot be asked yet which sessions ended elsewhere'),
  });
  return { announcements, endedSessions, missedEnds };
}

/** Listens to what ends elsewhere, and asks for what ended before. */
export async function followEndedSessions(
  { messaging, scope }: Foundation,
  { missedEnds }: EndedSessionsParts,
): Promise<void> {
  const unsubscribe = await messaging.broadcast.subscribe(subjects.mcpSessionsEnded, (payload) =>
    missedEnds.heard(payload),
  );
  scope.onClose('subscription to ended sessions', unsubscribe);
  scope.readiness(() => degraded(missedEnds.isBehind && 'MCP sessions may have ended elsewhere without its knowing'));
  await missedEnds.start();
  // Not awaited: it tells its own failures, and a control plane that is away holds up no closing.
  scope.every(LOOK_MS, () => void missedEnds.look(), 'ended sessions could not be looked for');
}
