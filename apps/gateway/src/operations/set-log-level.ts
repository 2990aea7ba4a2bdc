import type { ReplicaLink } from '../replicas/replica-link.js';
import { resultAnswer } from '../protocol/exchange.js';
import type { LogLevels } from '../session/log-levels.js';
import { sealLogLevel } from '../session/mcp-session.js';
import type { StateSealer } from '../session/state-sealer.js';
import type { Perform } from './operation.js';

export interface SetLogLevelUses {
  readonly link: ReplicaLink;
  readonly logLevels: LogLevels;
  readonly sealer: StateSealer;
}

/** logging/setLevel (2025-11-25 and older): kept in the session's id, and told to the other gateways. */
export function createSetLogLevel({ link, logLevels, sealer }: SetLogLevelUses): Perform<'set-log-level'> {
  return async ({ caller, request, now }, { level }) => {
    if (request.session === undefined) return resultAnswer(request.id, {});
    const telling = link.mayTell(caller.userId);
    if (!('tell' in telling)) return { type: 'too-often', ...telling };
    const { id, expiresAt } = request.session;
    const { userId } = caller;
    const log = { level, setAt: now };
    if (logLevels.remember({ id, userId, expiresAt }, log) !== undefined)
      return { type: 'too-many', what: 'sessions', byAll: true };
    const sealed = sealLogLevel(sealer, caller, request.session, log);
    // For a client that keeps its first id, wherever its calls arrive.
    await telling.tell({ type: 'log-level', sessionId: id, userId, expiresAt, ...log });
    return resultAnswer(request.id, {}, { 'mcp-session-id': sealed });
  };
}
