/** Of the free places, how much one owner may hold. Twenty owners who conspire leave a tenth of all places to the others. */
const OF_WHAT_IS_FREE = 1 / 8;

/**
 * Who holds how many places of something bounded that must forget nothing. An owner may hold no more than a part of what is
 * still free (the dynamic threshold of shared-memory switches, Choudhury and Hahne 1998): the fuller it is, the less, so
 * that it is full for whom it is full of, and others find room (security rule S32).
 */
export class Shares {
  readonly #limit: number;
  readonly #part: number;
  readonly #held = new Map<string, number>();
  #size = 0;

  /** @param part of what is free; one owner alone gets `limit × part / (1 + part)` */
  constructor(limit: number, part = OF_WHAT_IS_FREE) {
    this.#limit = limit;
    this.#part = part;
  }

  /** `own`: this owner has its share; `all`: there is no place at all. */
  refusal(owner: string): 'own' | 'all' | undefined {
    const free = this.#limit - this.#size;
    if (free <= 0) return 'all';
    return (this.#held.get(owner) ?? 0) >= Math.max(1, free * this.#part) ? 'own' : undefined;
  }

  take(owner: string): void {
    this.#held.set(owner, (this.#held.get(owner) ?? 0) + 1);
    this.#size += 1;
  }

  giveBack(owner: string): void {
    const held = this.#held.get(owner);
    if (held === undefined) return;
    if (held === 1) this.#held.delete(owner);
    else this.#held.set(owner, held - 1);
    this.#size -= 1;
  }
}
