/**
 * Work that is done once for all who ask for it at the same time, by key: what a key set, a lease or a list costs is
 * paid once, however many wait.
 *
 * - Success and failure go to everybody who waits. Nothing is remembered: who asks afterwards starts the work anew.
 * - Nobody's abort ends it, since others may wait. Work that must end has a signal of its own; who waits no longer
 *   stops waiting.
 */
export class SingleFlight<K, V> {
  readonly #flights = new Map<K, Promise<V>>();

  /** @param work is started unless it is under way for this key; what it throws rejects */
  run(key: K, work: () => Promise<V>): Promise<V> {
    const running = this.#flights.get(key);
    if (running !== undefined) return running;
    const flight = (async () => work())().finally(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    return flight;
  }

  /** What is under way for this key. */
  running(key: K): Promise<V> | undefined {
    return this.#flights.get(key);
  }
}
