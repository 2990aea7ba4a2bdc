/** A place in a bag; see {@link Bag}. */
interface Place<T> {
  readonly item: T;
  at: number;
}

/**
 * What comes and goes thousands of times a second, in no order. A `Set` makes itself a new table every few changes, and
 * an old table that outlived a collection of garbage keeps all that were made after it, with everything that was ever
 * in them, until the next full collection: kilobytes for each call. A bag has one array.
 */
export class Bag<T> {
  readonly #places: Place<T>[] = [];

  get size(): number {
    return this.#places.length;
  }

  /** @returns what takes it out again; once more does nothing */
  add(item: T): () => void {
    const place = { item, at: this.#places.length };
    this.#places.push(place);
    return () => this.#remove(place);
  }

  items(): T[] {
    return this.#places.map(({ item }) => item);
  }

  /** The last one takes the place. */
  #remove(place: Place<T>): void {
    const { at } = place;
    if (this.#places[at] !== place) return;
    const last = this.#places.pop();
    if (last === undefined || last === place) return;
    this.#places[at] = last;
    last.at = at;
  }
}
