import { BoundedMap } from '@sallyport/kernel';
import type { McpSession } from './mcp-session.js';

/**
 * Log levels that were set, for clients that keep the session id of `initialize` instead of the newer one that
 * carries the level. Replicas tell each other; one that starts later knows it from the newer id alone.
 */
export class LogLevels {
  readonly #levels = new BoundedMap<string, NonNullable<McpSession['log']>>(10_000);

  remember({ id, log }: Pick<McpSession, 'id' | 'log'>): void {
    if (log !== undefined) this.#levels.set(id, log);
  }

  /** The session with the level that was set last. */
  latest(session: McpSession): McpSession {
    const known = this.#levels.get(session.id);
    return known !== undefined && known.setAt > (session.log?.setAt ?? 0) ? { ...session, log: known } : session;
  }
}
