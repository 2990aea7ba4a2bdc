/** How many subscriptions are open here: bounded per user and altogether, since each holds a stream to every server. */
export class Subscriptions {
  readonly #byUser = new Map<string, number>();
  readonly #limits: { readonly perUser: number; readonly total: number };
  #total = 0;

  constructor({ perUser = 16, total = 2_000 }: { perUser?: number; total?: number } = {}) {
    this.#limits = { perUser, total };
  }

  /** @returns what to call when it is over; `undefined` when there is no room. */
  enter(userId: string): (() => void) | undefined {
    const ofUser = this.#byUser.get(userId) ?? 0;
    if (ofUser >= this.#limits.perUser || this.#total >= this.#limits.total) return undefined;
    this.#byUser.set(userId, ofUser + 1);
    this.#total += 1;
    return () => {
      this.#total -= 1;
      const left = (this.#byUser.get(userId) ?? 1) - 1;
      if (left > 0) this.#byUser.set(userId, left);
      else this.#byUser.delete(userId);
    };
  }
}
