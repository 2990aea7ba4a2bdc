interface Entry<V> {
  readonly value: V;
  readonly weight: number;
  /** Since it last had a second chance. */
  isUsed: boolean;
}

/** An addition takes its time for no more of them: then the oldest goes, used or not. */
const MOST_CHANCES = 32;

/**
 * A map that forgets: at most `limit` entries. The oldest goes first; one that was used since is passed over once, so
 * that what is used stays (a clock with a second chance). Looking something up moves nothing: maps of thousands of
 * users are asked several times for every call. With a `weight`, also at most that much of it altogether. Expiry is the
 * owner's business; `deleteWhere` serves sweeps and flushes.
 */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, Entry<V>>();
  readonly #limit: number;
  readonly #weight: { readonly of: (value: V) => number; readonly limit: number } | undefined;
  #heaviness = 0;

  constructor(limit: number, weight?: { readonly of: (value: V) => number; readonly limit: number }) {
    if (!Number.isInteger(limit) || limit < 1) throw new RangeError('a bounded map needs room for at least one entry');
    this.#limit = limit;
    this.#weight = weight;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    entry.isUsed = true;
    return entry.value;
  }

  /** An entry heavier than all there is room for is not kept. */
  set(key: K, value: V): void {
    this.delete(key);
    const weight = this.#weight?.of(value) ?? 0;
    if (weight > this.#mostWeight()) return;
    this.#entries.set(key, { value, weight, isUsed: false });
    this.#heaviness += weight;
    if (this.#isTooMuch()) this.#forgetOldest();
  }

  delete(key: K): boolean {
    this.#heaviness -= this.#entries.get(key)?.weight ?? 0;
    return this.#entries.delete(key);
  }

  deleteWhere(matches: (value: V, key: K) => boolean): void {
    for (const [key, { value }] of this.#entries) if (matches(value, key)) this.delete(key);
  }

  clear(): void {
    this.#entries.clear();
    this.#heaviness = 0;
  }

  #forgetOldest(): void {
    let chances = MOST_CHANCES;
    for (const [key, entry] of this.#entries) {
      if (entry.isUsed && chances-- > 0) {
        entry.isUsed = false;
        this.#entries.delete(key);
        this.#entries.set(key, entry); // which the loop comes to again
      } else this.delete(key);
      if (!this.#isTooMuch()) return;
    }
  }

  readonly #isTooMuch = (): boolean => this.#entries.size > this.#limit || this.#heaviness > this.#mostWeight();
  readonly #mostWeight = (): number => this.#weight?.limit ?? Infinity;
}
