import { namedId, newId, type Clock } from '@sallyport/kernel';
import type { LifecycleRecord } from '@sallyport/messages';
import type { EventStream } from '@sallyport/messaging';
import type { Logger } from '@sallyport/telemetry';

export type LifecycleFacts = Pick<LifecycleRecord, 'type'> & Partial<Omit<LifecycleRecord, 'v' | 'type' | 'id' | 'replica' | 'at'>>;
export type RecordLifecycle = (facts: { [K in keyof LifecycleFacts]: LifecycleFacts[K] | undefined } & Pick<LifecycleRecord, 'type'>) => void;

const MAX_WAITING = 10_000;
const BATCH = 200;
const RETRY_MS = 1_000;

/**
 * The trail of sign-ins, consents and tokens (R80). Recording never holds up or fails a request; batches are published
 * in order and repeated until the stream took them, and the newest are dropped, loudly, when it is away for too long.
 */
export class LifecycleRecorder {
  readonly #events: EventStream;
  readonly #replica: string;
  readonly #logger: Logger;
  readonly #clock: Clock;
  #waiting: LifecycleRecord[] = [];
  #publishing: Promise<void> | undefined;
  #closing = false;

  constructor(parts: { events: EventStream; replica: string; logger: Logger; clock: Clock }) {
    this.#events = parts.events;
    this.#replica = parts.replica;
    this.#logger = parts.logger;
    this.#clock = parts.clock;
  }

  readonly record: RecordLifecycle = (facts) => {
    const at = this.#clock();
    const { type, detail, ...rest } = facts;
    const known = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
    if (this.#waiting.length >= MAX_WAITING) {
      this.#logger.error({ type }, 'the event stream is away for too long: a lifecycle record is lost');
      return;
    }
    // A session ends once, however often that is told: the trail keeps one record of it.
    const id = type === 'token.revoked' && rest.sid !== undefined ? namedId('evt', rest.sid) : newId('evt', at);
    this.#waiting.push({ v: 1, type, id, replica: this.#replica, at, ...known, ...(detail === undefined ? {} : { detail }) });
    this.#publishing ??= this.#publish().finally(() => (this.#publishing = undefined));
  };

  /** Waits until everything recorded so far is safe, or gives up after one failed attempt. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#publishing;
    if (this.#waiting.length > 0) await this.#publish();
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  async #publish(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve)); // what happens in one tick travels together
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, BATCH);
      try {
        await this.#events.publish(this.#replica, batch);
        this.#waiting = this.#waiting.slice(batch.length);
      } catch (err) {
        this.#logger.warn({ err, waiting: this.#waiting.length }, 'lifecycle records could not be published');
        if (this.#closing) return;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
      }
    }
  }
}
