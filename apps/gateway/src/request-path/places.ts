/** How many of something are open here at a time, bounded per user and altogether: one user's agents cannot take the room of all others. */
export class Places {
  readonly #byUser = new Map<string, number>();
  readonly #limits: { readonly perUser: number; readonly total: number };
  #total = 0;

  constructor(limits: { readonly perUser: number; readonly total: number }) {
    this.#limits = limits;
  }

  /** Nobody gets one, whoever asks. */
  get isFull(): boolean {
    return this.#total >= this.#limits.total;
  }

  /** @returns what to call when it is over, once or more often; `undefined` when there is no room. */
  enter(userId: string): (() => void) | undefined {
    const ofUser = this.#byUser.get(userId) ?? 0;
    if (ofUser >= this.#limits.perUser || this.#total >= this.#limits.total) return undefined;
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
