/** In the order in which they go first: `caused` is what agents and users cause. */
const ORDER = ['revocation', 'administration', 'caused'] as const;
export type Urgency = (typeof ORDER)[number];

/**
 * One writer of the configuration at a time in this process, the most urgent first. A process that waits for the
 * writers' lock of the database waits with one connection, and whoever is urgent waits for the one write that runs.
 */
export class WriterTurns {
  readonly #waiting: Record<Urgency, (() => void)[]> = { revocation: [], administration: [], caused: [] };
  #taken = false;

  async take<T>(urgency: Urgency, work: () => Promise<T>): Promise<T> {
    if (this.#taken) await new Promise<void>((resolve) => this.#waiting[urgency].push(resolve));
    this.#taken = true;
    try {
      return await work();
    } finally {
      const next = ORDER.map((one) => this.#waiting[one])
        .find(({ length }) => length > 0)
        ?.shift();
      if (next) next();
      else this.#taken = false;
    }
  }
}
