import { MessagingError } from '../errors.js';
import type { EventStream, MessagingProblemListener, Unsubscribe } from '../ports.js';
import { throughJson } from './through-json.js';

type Handler = (replica: string, records: readonly unknown[]) => Promise<void>;
type Batch = { replica: string; records: readonly unknown[]; stored: () => void; refused: (error: Error) => void };

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 5_000;

/**
 * No durability of its own: a batch counts as published only when the consumer has stored it, and is given to it again
 * until then. What a publisher must not lose stays in its spool meanwhile.
 */
export class InProcessEventStream implements EventStream {
  readonly #waiting: Batch[] = [];
  readonly #onProblem: MessagingProblemListener;
  #handler: Handler | undefined;
  #wake: (() => void) | undefined;
  #delivering = false;
  #closed = false;

  constructor(onProblem: MessagingProblemListener) {
    this.#onProblem = onProblem;
  }

  publish(replica: string, records: readonly unknown[]): Promise<void> {
    if (this.#closed) return Promise.reject(closed());
    const copy = throughJson(records) as readonly unknown[];
    return new Promise((stored, refused) => {
      this.#waiting.push({ replica, records: copy, stored, refused });
      void this.#deliver();
    });
  }

  async consume(handler: Handler): Promise<Unsubscribe> {
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
    while (this.#handler && this.#waiting[0]) {
      const batch = this.#waiting[0];
      try {
        await this.#handler(batch.replica, batch.records);
      } catch (error) {
        this.#onProblem('consumer-failed', error);
        await this.#pause(pauseMs);
        pauseMs = Math.min(pauseMs * 2, LAST_RETRY_MS);
        continue;
      }
      pauseMs = FIRST_RETRY_MS;
      if (this.#waiting[0] === batch) this.#waiting.shift();
      batch.stored();
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
