export type Close = () => unknown;

export interface CloseFailure {
  /** What could not be closed: `database`. */
  readonly what: string;
  readonly error: unknown;
}

/** What is open, each with the function that closes it. The last opened is closed first, one after the other. */
export class Closers {
  readonly #open: { readonly what: string; readonly closes: readonly Close[] }[] = [];

  /** @param closes several are closed together */
  add(what: string, ...closes: Close[]): void {
    this.#open.push({ what, closes });
  }

  /**
   * Closes whatever failed before, and also what is added meanwhile. Never rejects.
   * @param onFailure told of each thing that could not be closed, before the next one is
   * @param run closes one thing; a process sets its limit of time here
   */
  async closeAll(
    onFailure: (failure: CloseFailure) => void,
    run: (close: Close) => unknown = (close) => close(),
  ): Promise<void> {
    for (let next = this.#open.pop(); next; next = this.#open.pop()) {
      const { what, closes } = next;
      const closeOne = async (close: Close): Promise<void> => {
        try {
          await run(close);
        } catch (error) {
          onFailure({ what, error });
        }
      };
      await Promise.all(closes.map(closeOne));
    }
  }
}
