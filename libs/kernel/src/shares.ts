/**
 * Of the free places, how much one owner may hold. Twenty owners who conspire leave a tenth of all places to the
 * others.
 */
const OF_WHAT_IS_FREE = 1 / 8;

/** `own`: this owner has its share; `all`: there is no room, or none but for less than this. */
export type ShareRefusal = 'own' | 'all';

/**
 * Who holds how many places of something bounded that must forget nothing. An owner may hold no more than a part of
 * what is still free (the dynamic threshold of shared-memory switches, Choudhury and Hahne 1998): the fuller it is, the
 * less, so that it is full for whom it is full of, and others find room (security rule S32).
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

  refusal(owner: string, places = 1): ShareRefusal | undefined {
    const free = this.#limit - this.#size;
    if (free < places) return 'all';
    const held = this.#held.get(owner) ?? 0;
    if (held + places - 1 < Math.max(1, free * this.#part)) return undefined;
    return held > 0 ? 'own' : 'all';
  }

  take(owner: string, places = 1): void {
    this.#held.set(owner, (this.#held.get(owner) ?? 0) + places);
    this.#size += places;
  }

  giveBack(owner: string, places = 1): void {
    const held = this.#held.get(owner);
    if (held === undefined) return;
    const given = Math.min(places, held);
    if (held === given) this.#held.delete(owner);
    else this.#held.set(owner, held - given);
    this.#size -= given;
  }
}
