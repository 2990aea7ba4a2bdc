/** A queue or worker of BullMQ. */
interface Opened {
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}

/** Milliseconds between a first connection that failed and the next one. */
const PAUSE_MS = 1_000;
/** Milliseconds BullMQ has to close once nothing runs any more: after a failure it waits out pauses of its own first. */
const CLOSE_MS = 1_000;

/**
 * BullMQ remembers for good that a first connection failed, and then answers from memory, without a pause and without
 * end: whoever loops on that answer lets nothing else of the process run. Here another one is made, after a pause.
 */
export class Standing<T extends Opened> {
  readonly #make: () => T;
  readonly #onReady: (opened: T) => void;
  readonly #idle: () => Promise<unknown>;
  #current: T;
  #opening: Promise<T>;
  #pause: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param idle resolves when nothing runs that closing waits for */
  constructor(
    make: () => T,
    {
      onReady = () => undefined,
      idle = () => Promise.resolve(),
    }: { onReady?: (opened: T) => void; idle?: () => Promise<unknown> } = {},
  ) {
    this.#make = make;
    this.#onReady = onReady;
    this.#idle = idle;
    this.#current = make();
    this.#opening = this.#open(this.#current);
  }

  /** Rejects as its last attempt to connect did, until the next succeeds. */
  get(): Promise<T> {
    return this.#opening;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#pause);
    const closed = this.#current.close();
    closed.catch(() => undefined); // also when nobody waits for it any more
    const late = this.#idle().then(() => new Promise<void>((resolve) => setTimeout(resolve, CLOSE_MS).unref()));
    await Promise.race([closed, late]);
  }

  #open(opened: T): Promise<T> {
    const opening = opened.waitUntilReady().then(() => opened);
    opening.then(
      (one) => {
        if (!this.#closed) this.#onReady(one);
      },
      () => this.#again(opened),
    );
    return opening;
  }

  #again(failed: T): void {
    failed.close().catch(() => undefined); // it never stood
    if (this.#closed) return;
    this.#pause = setTimeout(() => {
      this.#current = this.#make();
      this.#opening = this.#open(this.#current);
    }, PAUSE_MS);
  }
}
