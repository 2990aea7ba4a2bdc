/**
 * A map that forgets: at most `limit` entries, the least recently used goes first. Iteration order is use order.
 * With a `weight`, also at most that much of it altogether. Expiry is the owner's business; `deleteWhere` serves sweeps
 * and flushes.
 */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, V>();
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
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  /** An entry heavier than all there is room for is not kept. */
  set(key: K, value: V): void {
    this.delete(key);
    this.#entries.set(key, value);
    this.#heaviness += this.#weight?.of(value) ?? 0;
    while (this.#entries.size > this.#limit || (this.#weight !== undefined && this.#heaviness > this.#weight.limit)) {
      const oldest = this.#entries.keys().next();
      if (oldest.done === true) return;
      this.delete(oldest.value);
    }
  }

  delete(key: K): boolean {
    const value = this.#entries.get(key);
    if (value !== undefined) this.#heaviness -= this.#weight?.of(value) ?? 0;
    return this.#entries.delete(key);
  }

  deleteWhere(matches: (value: V, key: K) => boolean): void {
    for (const [key, value] of this.#entries) if (matches(value, key)) this.delete(key);
  }

  clear(): void {
    this.#entries.clear();
    this.#heaviness = 0;
  }
}
