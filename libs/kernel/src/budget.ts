import { BoundedMap } from './bounded-map.js';
import { steady } from './clock.js';
import type { Clock } from './clock.js';

/** Whole seconds until it is worth asking again. */
export interface BudgetRefusal {
  readonly retryAfterSeconds: number;
}

const WINDOW_MS = 60_000;
const MOST_KEYS = 10_000;

/**
 * So many requests per minute and key, in bursts as well as evenly (the generic cell rate algorithm): per key it keeps
 * one number, the moment until which what was spent reaches. In this process only. The keys that were idle longest are
 * forgotten when there are too many, which forgives and never refuses.
 */
export class Budget {
  readonly #clock: Clock;
  readonly #spentUntil = new BoundedMap<string, number>(MOST_KEYS);

  constructor(clock: Clock) {
    this.#clock = steady(clock);
  }

  /** @param perMinute read anew each time, so that a change counts at once */
  spent(key: string, perMinute: number): BudgetRefusal | undefined {
    const waitMs = this.#after(key, perMinute) - this.#clock() - WINDOW_MS;
    return waitMs > 0 ? { retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)) } : undefined;
  }

  charge(key: string, perMinute: number): void {
    this.#spentUntil.set(key, this.#after(key, perMinute));
  }

  /** Both in one: charges unless it refuses. */
  take(key: string, perMinute: number): BudgetRefusal | undefined {
    const refusal = this.spent(key, perMinute);
    if (!refusal) this.charge(key, perMinute);
    return refusal;
  }

  #after(key: string, perMinute: number): number {
    return Math.max(this.#clock(), this.#spentUntil.get(key) ?? 0) + WINDOW_MS / perMinute;
  }
}
