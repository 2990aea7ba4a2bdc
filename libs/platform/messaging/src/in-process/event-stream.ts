import { MessagingError } from '../errors.js';
import { intoArrays, linesOf } from '../event-lines.js';
import type { EventHandler, EventStream, MessagingProblemListener, Unsubscribe } from '../ports.js';

type Batch = { replica: string; records: readonly unknown[]; stored: () => void; refused: (error: Error) => void };

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;
/** Batches of one delivery. */
const MOST_TOGETHER = 16;

/**
 * No durability of its own: a batch counts as published only when the consumer has stored it, and is given to it again
 * until then. What a publisher must not lose stays in its spool meanwhile.
 */
export class InProcessEventStream implements EventStream {
  readonly #waiting: Batch[] = [];
  readonly #onProblem: MessagingProblemListener;
  #handler: EventHandler | undefined;
  #wake: (() => void) | undefined;
  #delivering = false;
  #closed = false;

  constructor(onProblem: MessagingProblemListener) {
    this.#onProblem = onProblem;
  }

  publish(replica: string, records: readonly unknown[]): Promise<void> {
    return this.publishLines(replica, linesOf(records));
  }

  async publishLines(replica: string, lines: Buffer): Promise<void> {
    if (this.#closed) throw closed();
    // As on the wire: no shared references, dates are strings, `undefined` members are gone.
    const records = intoArrays(lines, Infinity).flatMap((array) => JSON.parse(array.toString()) as unknown[]);
    await new Promise<void>((stored, refused) => {
      this.#waiting.push({ replica, records, stored, refused });
      void this.#deliver();
    });
  }

  async consume(handler: EventHandler): Promise<Unsubscribe> {
    if (this.#handler)
      throw new MessagingError('messaging_consumer_exists', 'Events have one consumer in this process already.');
    this.#handler = handler;
    void this.#deliver();
    return async () => {
      if (this.#handler === handler) this.#handler = undefined;
    };
  }

  close(): void {
    this.#closed = true;
    this.#handler = undefined;
    this.#wake?.();
    for (const batch of this.#waiting.splice(0)) batch.refused(closed());
  }

  async #deliver(): Promise<void> {
    if (this.#delivering) return;
    this.#delivering = true;
    let pauseMs = FIRST_RETRY_MS;
    /** So many could not be stored together: each comes by itself. */
    let singly = 0;
    while (this.#handler && this.#waiting.length > 0) {
      const batches = this.#waiting.slice(0, singly > 0 ? 1 : MOST_TOGETHER);
      try {
        const behind = this.#waiting.length - batches.length;
        await this.#handler(batches.map(({ replica, records }) => ({ replica, records, waiting: behind })));
      } catch (error) {
        this.#onProblem('consumer-failed', error);
        if (batches.length > 1) singly = batches.length;
        else {
          await this.#pause(pauseMs);
          pauseMs = Math.min(pauseMs * 2, LAST_RETRY_MS);
        }
        continue;
      }
      pauseMs = FIRST_RETRY_MS;
      singly = Math.max(0, singly - 1);
      for (const batch of batches) {
        if (this.#waiting[0] === batch) this.#waiting.shift();
        batch.stored();
      }
    }
    this.#delivering = false;
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function closed(): MessagingError {
  return new MessagingError('messaging_closed', 'The bus is closed.');
}
