/** A queue or worker of BullMQ. */
interface Opened {
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}

/** Milliseconds between a failed first connection and the next one. */
const PAUSE_MS = 1_000;
/**
 * Milliseconds BullMQ has to close when no job runs any more. After a failure it would wait for its own pauses first.
 */
const CLOSE_MS = 1_000;

/**
 * Makes a queue or worker of BullMQ again, after a pause, when its first connection failed. BullMQ itself remembers
 * that failure for good and rejects at once from then on, so a loop that retries would let nothing else of the process
 * run.
 */
export class Reopening<T extends Opened> {
  readonly #make: () => T;
  readonly #onReady: (opened: T) => void;
  readonly #idle: () => Promise<unknown>;
  #current: T;
  #opening: Promise<T>;
  #pause: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param idle resolves when no job runs that closing waits for */
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

  /** Whether it was asked to close: what breaks from then on is no problem. */
  get isClosing(): boolean {
    return this.#closed;
  }

  /** The queue or worker. Rejects with the error of the last attempt to connect, until the next succeeds. */
  get(): Promise<T> {
    return this.#opening;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#pause);
    const close = () => this.#current.close();
    // BullMQ on PostgreSQL leaves its connections open when it is closed while it still connects.
    const closed = this.#opening.then(close, close);
    closed.catch(() => undefined); // also when nobody waits for it any more
    const late = this.#idle().then(
      () => new Promise<'late'>((resolve) => setTimeout(resolve, CLOSE_MS, 'late' as const).unref()),
    );
    if ((await Promise.race([closed, late])) === 'late') close().catch(() => undefined);
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
    failed.close().catch(() => undefined); // it was never open
    if (this.#closed) return;
    this.#pause = setTimeout(() => {
      this.#current = this.#make();
      this.#opening = this.#open(this.#current);
    }, PAUSE_MS);
  }
}
