import { BoundedMap } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import type { McpSession } from './mcp-session.js';

export interface EndedSessionsOptions {
  /** Tells the control plane, which tells every replica; rejects when it did not take it. */
  readonly announce: (session: Pick<McpSession, 'id' | 'expiresAt'>) => Promise<void>;
  readonly clock: Clock;
  readonly onProblem?: (error: unknown) => void;
  readonly retryMs?: number;
}

/** Sessions ended here: at once on this replica, and on all once the control plane's revocation comes back (R64). */
export class EndedSessions {
  readonly #options: EndedSessionsOptions;
  readonly #ended = new BoundedMap<string, number>(100_000);
  readonly #unannounced = new Map<string, NodeJS.Timeout>();

  constructor(options: EndedSessionsOptions) {
    this.#options = options;
  }

  has(id: string): boolean {
    return this.#ended.get(id) !== undefined;
  }

  /** Resolves when this replica knows and the control plane was asked; a control plane that is down is asked again. */
  async end(session: Pick<McpSession, 'id' | 'expiresAt'>): Promise<void> {
    this.#ended.set(session.id, session.expiresAt);
    try {
      await this.#options.announce(session);
    } catch (error) {
      this.#options.onProblem?.(error);
      this.#tryAgain(session);
    }
  }

  stop(): void {
    for (const timer of this.#unannounced.values()) clearTimeout(timer);
    this.#unannounced.clear();
  }

  #tryAgain(session: Pick<McpSession, 'id' | 'expiresAt'>): void {
    const { announce, clock, retryMs = 5_000 } = this.#options;
    if (session.expiresAt * 1000 <= clock() || this.#unannounced.size >= 10_000) return;
    const timer = setTimeout(() => {
      this.#unannounced.delete(session.id);
      announce(session).catch(() => this.#tryAgain(session));
    }, retryMs);
    this.#unannounced.set(session.id, timer.unref());
  }
}
