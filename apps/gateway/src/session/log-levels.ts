import type { Clock, ShareRefusal } from '@sallyport/kernel';
import type { McpSession } from '../protocol/client-message.js';
import { SessionNotes } from './session-notes.js';
import type { OwnedSession } from './session-notes.js';

/** Sessions of all users. */
const PLACES = 50_000;

/**
 * Log levels that were set, for clients that keep the session id of `initialize` instead of the newer one that
 * carries the level. Replicas tell each other; one that starts later knows it from the newer id alone.
 */
export class LogLevels {
  readonly #levels: SessionNotes<NonNullable<McpSession['log']>>;

  constructor(clock: Clock, places = PLACES) {
    this.#levels = new SessionNotes({ places, clock });
  }

  /** @returns why there is no room. */
  remember(session: OwnedSession, log: NonNullable<McpSession['log']>): ShareRefusal | undefined {
    return this.#levels.set(session, log, 1);
  }

  /** The session with the level that was set last. */
  latest(session: McpSession): McpSession {
    const known = this.#levels.get(session.id);
    return known !== undefined && known.setAt > (session.log?.setAt ?? 0) ? { ...session, log: known } : session;
  }

  /** Forgets sessions that are over. @returns for how many others there was no room, since the last time. */
  sweep(hasEnded: (id: string) => boolean): number {
    return this.#levels.sweep(hasEnded);
  }
}
