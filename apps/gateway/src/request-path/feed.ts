/** What a client has not taken yet; changes of lists are told once however often they happen. */
const MAX_PENDING = 1_000;

export interface Change {
  readonly method: string;
  readonly uri?: string;
}

/** Changes that wait for the client: each at most once. */
export class Feed {
  readonly #pending = new Map<string, Change>();
  #ended = false;
  #wake: () => void = () => undefined;

  push(change: Change): void {
    if (this.#pending.size >= MAX_PENDING) this.#ended = true;
    else this.#pending.set(`${change.method} ${change.uri ?? ''}`, change);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  /** What waits now, taken. */
  drain(): Change[] {
    const changes = [...this.#pending.values()];
    this.#pending.clear();
    return changes;
  }

  /** Resolves at once while something waits, else at the next change or the end. One waits at a time. */
  async woken(): Promise<void> {
    if (this.#pending.size > 0 || this.#ended) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  async take(): Promise<Change | undefined> {
    for (;;) {
      const [first] = this.#pending;
      if (first !== undefined) {
        this.#pending.delete(first[0]);
        return first[1];
      }
      if (this.#ended) return undefined;
      await this.woken();
    }
  }
}
