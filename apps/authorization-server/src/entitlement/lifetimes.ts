import { durationSeconds } from '@sallyport/kernel';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import type { AgentSession } from '../storage/agent-sessions.js';

/** How long things live, in seconds. */
export interface Lifetimes {
  readonly accessToken: number;
  readonly machineToken: number;
  /** An agent session that nobody refreshed for this long ends (R86). */
  readonly sessionIdle: number;
  readonly session: number;
  /** A lost answer to a refresh may be asked for again this long. */
  readonly refreshRepeat: number;
}

/** No access token lives longer, whatever is configured (R47). */
const LONGEST_ACCESS_TOKEN = 3600;

const SHORTEST_REPEAT = 60;
const LONGEST_REPEAT = 3600;

/** The lifetimes as configured now, bounded once more here. */
export function lifetimesOf(snapshot: ConfigurationSnapshot): Lifetimes {
  const configured = snapshot.get('AuthorizationServer', 'default')?.spec.lifetimes;
  const seconds = (text: string | undefined, otherwise: string) => durationSeconds(text ?? otherwise) ?? 0;
  return {
    accessToken: Math.max(1, Math.min(LONGEST_ACCESS_TOKEN, seconds(configured?.accessToken, '15m'))),
    machineToken: Math.max(1, Math.min(LONGEST_ACCESS_TOKEN, seconds(configured?.machineToken, '10m'))),
    sessionIdle: Math.max(1, seconds(configured?.sessionIdle, '14d')),
    session: Math.max(1, seconds(configured?.session, '90d')),
    refreshRepeat: Math.min(LONGEST_REPEAT, Math.max(SHORTEST_REPEAT, seconds(configured?.refreshRepeat, '15m'))),
  };
}

/** @returns why a session is over by the lifetimes as they are now, also when they were longer when it began */
export function overdue(
  session: Pick<AgentSession, 'createdAt' | 'lastUsedAt'>,
  lifetimes: Lifetimes,
  nowSeconds: number,
): string | undefined {
  if (session.lastUsedAt + lifetimes.sessionIdle <= nowSeconds) return 'not used for too long';
  if (session.createdAt + lifetimes.session <= nowSeconds) return 'lasted as long as a session may';
  return undefined;
}
