export interface BatchesOptions<T, R> {
  /** Does one batch; its results are in the order of its items. Rejects for all of them. */
  readonly run: (items: readonly T[]) => Promise<readonly R[]>;
  /** Items in one batch. */
  readonly most: number;
  /** Milliseconds from the beginning of one batch to that of the next; the first one does not wait. Default 0. */
  readonly everyMs?: number;
}

/**
 * Gathers what many ask for, and does it in batches, one at a time: however many ask at once, one batch runs and the
 * next takes what has come meanwhile. Whoever asks bounds how many may wait.
 */
export class Batches<T, R> {
  readonly #options: BatchesOptions<T, R>;
  #waiting: { item: T; resolve: (result: R) => void; reject: (error: unknown) => void }[] = [];
  #running = false;

  constructor(options: BatchesOptions<T, R>) {
    this.#options = options;
  }

  /** Resolves with this item's result when its batch is done. */
  add(item: T): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (!this.#running) void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#running = true;
    const { run, most, everyMs = 0 } = this.#options;
    await Promise.resolve(); // what is asked for in one go travels together
    while (this.#waiting.length > 0) {
      const pause = everyMs === 0 ? undefined : new Promise((resolve) => setTimeout(resolve, everyMs));
      const batch = this.#waiting.splice(0, most);
      try {
        const results = await run(batch.map(({ item }) => item));
        for (const [index, { resolve }] of batch.entries()) resolve(results[index] as R);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
      await pause;
    }
    this.#running = false;
  }
}
