import { BoundedMap } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import type { EndAnnouncements, EndOutcome, SessionEnd } from './announce-ends.js';

export interface EndedSessionsOptions {
  readonly announcements: Pick<EndAnnouncements, 'tell'>;
  readonly clock: Clock;
}

/** More than the control plane keeps. */
const MOST = 500_000;

/**
 * Sessions that ended before their time: those of this replica at once, those of others as soon as it hears of them
 * (R64).
 */
export class EndedSessions {
  readonly #options: EndedSessionsOptions;
  /** Until when each is remembered, in seconds since the epoch. */
  readonly #ended = new BoundedMap<string, number>(MOST);

  constructor(options: EndedSessionsOptions) {
    this.#options = options;
  }

  has(id: string): boolean {
    return this.#ended.get(id) !== undefined;
  }

  /** `full`: it has not ended, here or elsewhere. */
  async end(end: SessionEnd): Promise<EndOutcome> {
    this.#ended.set(end.id, end.expiresAt);
    const outcome = await this.#options.announcements.tell(end);
    if (outcome.outcome === 'full') this.#ended.delete(end.id);
    return outcome;
  }

  /** What ended elsewhere, or is told back. */
  learn(ends: readonly (readonly [id: string, expiresAt: number])[]): void {
    const now = this.#options.clock() / 1000;
    for (const [id, expiresAt] of ends) if (expiresAt > now) this.#ended.set(id, expiresAt);
  }

  /** Forgets what would have ended by itself. */
  sweep(): void {
    const now = this.#options.clock() / 1000;
    this.#ended.deleteWhere((expiresAt) => expiresAt <= now);
  }
}
