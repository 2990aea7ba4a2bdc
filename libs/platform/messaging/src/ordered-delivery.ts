type Listener = (jws: string) => void | Promise<void>;

/**
 * Hands entries to a listener in order and one at a time. A heartbeat that waits behind another replaces it, so a slow
 * listener meets the newest. A listener that fails did not apply its entry: what waits is dropped and `onFailure`
 * called.
 */
export class OrderedDelivery {
  readonly #listener: Listener;
  readonly #onFailure: (error: unknown) => void;
  #queue: { jws: string; heartbeat: boolean }[] = [];
  #pumping = false;

  constructor(listener: Listener, onFailure: (error: unknown) => void) {
    this.#listener = listener;
    this.#onFailure = onFailure;
  }

  push(jws: string, { heartbeat = false }: { heartbeat?: boolean } = {}): void {
    if (heartbeat && this.#queue.at(-1)?.heartbeat === true) this.#queue.pop();
    this.#queue.push({ jws, heartbeat });
    if (!this.#pumping) void this.#pump();
  }

  /** Drops what waits; an entry that the listener holds already is not taken back. */
  clear(): void {
    this.#queue = [];
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    await Promise.resolve(); // never inside the call that pushed
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      try {
        await this.#listener(next.jws);
      } catch (error) {
        this.#queue = [];
        this.#onFailure(error);
      }
    }
    this.#pumping = false;
  }
}
