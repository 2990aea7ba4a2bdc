/**
 * Something that can be stopped once. Its signal is made for whoever asks for one: most calls are over before anybody
 * does, and to make one takes longer than all other bookkeeping of a call.
 */
export class Stop {
  #controller: AbortController | undefined;
  readonly #listeners: (() => void)[] = [];
  #isStopped = false;

  /** One that is stopped when a signal is aborted. */
  static following(signal: AbortSignal): Stop {
    const stop = new Stop();
    if (signal.aborted) stop.stop();
    else signal.addEventListener('abort', () => stop.stop(), { once: true });
    return stop;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isStopped) this.#controller.abort();
    return this.#controller.signal;
  }

  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    for (const listener of this.#listeners.splice(0)) listener();
    this.#controller?.abort();
  }

  /** Runs when it is stopped; at once when it was. */
  whenStopped(listener: () => void): void {
    if (this.#isStopped) listener();
    else this.#listeners.push(listener);
  }
}
