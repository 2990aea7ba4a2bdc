import type { Clock } from './clock.js';

export interface EventTallyOptions {
  readonly clock: Clock;
  /** How many of each type are told one by one at first. Default 60. */
  readonly burst?: number;
  /** How many more of each type every minute. Default 6. */
  readonly perMinute?: number;
}

/** What happened in one minute, in one way, and was not told one by one. */
export interface EventSum {
  /** The type of event there would have been so many of. */
  readonly of: string;
  readonly reason: string;
  readonly count: number;
  /** Milliseconds since the epoch: of the first and of the last. */
  readonly from: number;
  readonly to: number;
  /** Some of the addresses they came from: the first ones. */
  readonly addresses: readonly string[];
}

const MINUTE_MS = 60_000;
const MAX_ADDRESSES = 8;
/** Reasons come from closed sets; should one not, it does not fill memory. */
const MAX_SUMS = 64;
const OTHER = 'other';

/**
 * What callers cause that nobody knows yet: it costs them nothing, so there may be any number. The first of each type
 * are told one by one, so that a flood of one type hides no event of another; beyond a rate they are summed up, per
 * type, reason and minute. None goes untold, and what has to be kept of them does not grow with their number (security
 * rule S33).
 */
export class EventTally {
  readonly #clock: Clock;
  readonly #burst: number;
  readonly #perMinute: number;
  readonly #sums = new Map<string, EventSum>();
  /** By type: how many may still be told by themselves, as of when. Types are a closed set. */
  readonly #left = new Map<string, { readonly count: number; readonly at: number }>();

  constructor({ clock, burst = 60, perMinute = 6 }: EventTallyOptions) {
    this.#clock = clock;
    this.#burst = burst;
    this.#perMinute = perMinute;
  }

  /** @returns true: tell of it by itself; false: it was counted, and `take` gives the sum */
  note(of: string, reason: string, address?: string | null): boolean {
    const now = this.#clock();
    const { count, at } = this.#left.get(of) ?? { count: this.#burst, at: now };
    const left = Math.min(this.#burst, count + (Math.max(0, now - at) * this.#perMinute) / MINUTE_MS);
    this.#left.set(of, { count: left >= 1 ? left - 1 : left, at: now });
    if (left >= 1) return true;
    this.count(of, reason, address);
    return false;
  }

  /** Counts one that cannot be told by itself. */
  count(of: string, reason: string, address?: string | null): void {
    const now = this.#clock();
    this.add({ of, reason, count: 1, from: now, to: now, addresses: typeof address === 'string' ? [address] : [] });
  }

  /** Counts what `take` gave, and could not be told yet. */
  add(sum: EventSum): void {
    const named = `${sum.of} ${sum.reason}`;
    const isKept = this.#sums.has(named) || this.#sums.size < MAX_SUMS;
    const key = isKept ? named : OTHER;
    const { of, reason, count, from, to, addresses } = isKept ? sum : { ...sum, of: OTHER, reason: OTHER };
    const known = this.#sums.get(key);
    if (known === undefined) {
      this.#sums.set(key, { of, reason, count, from, to, addresses });
      return;
    }
    const isFull =
      known.addresses.length >= MAX_ADDRESSES || addresses.every((address) => known.addresses.includes(address));
    this.#sums.set(key, {
      ...known,
      count: known.count + count,
      from: Math.min(known.from, from),
      to: Math.max(known.to, to),
      addresses: isFull ? known.addresses : [...new Set([...known.addresses, ...addresses])].slice(0, MAX_ADDRESSES),
    });
  }

  /** Sums whose minute is over, or all of them; they begin anew. */
  take(which: 'over' | 'all' = 'over'): readonly EventSum[] {
    const now = this.#clock();
    const taken = [...this.#sums].filter(([, { from }]) => which === 'all' || now - from >= MINUTE_MS || now < from);
    for (const [key] of taken) this.#sums.delete(key);
    return taken.map(([, sum]) => sum);
  }
}
