import { BoundedMap, steady } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';

export interface PaceLimits {
  /** So many at once. */
  readonly burst: number;
  /** And from then on so many each second. */
  readonly perSecond: number;
}

/** Users who were idle longest are forgotten beyond this, which forgives them. */
const MAX_USERS = 100_000;

/**
 * How often each user's agents may have something done, in bursts as well as evenly (the generic cell rate algorithm).
 */
export class UserPace {
  readonly #clock: Clock;
  readonly #limits: PaceLimits;
  readonly #spentUntil = new BoundedMap<string, number>(MAX_USERS);

  constructor(clock: Clock, limits: PaceLimits) {
    this.#clock = steady(clock);
    this.#limits = limits;
  }

  /**
   * Takes one, or more at once, at most a burst.
   * @returns whole seconds until there are as many again, when there are not now.
   */
  take(userId: string, count = 1): number | undefined {
    const { burst, perSecond } = this.#limits;
    const now = this.#clock();
    const spentUntil = Math.max(now, this.#spentUntil.get(userId) ?? 0) + (count * 1_000) / perSecond;
    const waitMs = spentUntil - now - (burst * 1_000) / perSecond;
    if (waitMs > 0) return Math.ceil(waitMs / 1_000);
    this.#spentUntil.set(userId, spentUntil);
    return undefined;
  }
}
