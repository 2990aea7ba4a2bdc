/**
 * How many of something are open here at a time, bounded per user and altogether. Nobody holds more than what is free:
 * however many users take what they can, there is room for the next one (dynamic thresholds, as in `BytesInFlight`;
 * S32).
 */
export class Places {
  readonly #byUser = new Map<string, number>();
  readonly #limits: { readonly perUser: number; readonly total: number };
  #total = 0;

  constructor(limits: { readonly perUser: number; readonly total: number }) {
    this.#limits = limits;
  }

  /** Of whoever was refused: whether it is what others hold that is in the way, and not this user's own limit. */
  isByAll(userId: string): boolean {
    return (this.#byUser.get(userId) ?? 0) < this.#limits.perUser;
  }

  /** @returns what to call when it is over, once or more often; `undefined` when there is no room. */
  enter(userId: string): (() => void) | undefined {
    const ofUser = this.#byUser.get(userId) ?? 0;
    if (ofUser >= Math.min(this.#limits.perUser, this.#limits.total - this.#total)) return undefined;
    this.#byUser.set(userId, ofUser + 1);
    this.#total += 1;
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      this.#total -= 1;
      const left = (this.#byUser.get(userId) ?? 1) - 1;
      if (left > 0) this.#byUser.set(userId, left);
      else this.#byUser.delete(userId);
    };
  }
}
