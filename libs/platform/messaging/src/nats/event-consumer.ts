import { setTimeout as sleep } from 'node:timers/promises';
import type { JetStreamClient, JsMsg } from '@nats-io/jetstream';
import { streams } from '@sallyport/messages';
import { MessagingError } from '../errors.js';
import type { EventBatch, EventHandler, MessagingProblemListener } from '../ports.js';
import { ACK_WAIT_MS } from './ensure-streams.js';
import { OrderedBatches } from './ordered-batches.js';
import { CONTROL_PLANE_GROUP } from './permissions.js';

const FETCH = { max_messages: 16, expires: 5_000 };
/** Of those that wait, more are asked for below this number. */
const MOST_WAITING = 64;
const RETRY_MS = 1_000;
const SET_ASIDE_MS = 30_000;

export interface EventConsumerOptions {
  readonly jetstream: JetStreamClient;
  /** Makes the server deliver all that is not acknowledged, from the first on. */
  readonly renew: () => Promise<void>;
  readonly handler: EventHandler;
  readonly onProblem: MessagingProblemListener;
}

/** A message that this process holds: the server delivers it to nobody else while it hears that work goes on. */
interface Held {
  readonly message: JsMsg;
  readonly replica: string;
  readonly batch: EventBatch;
  readonly bytes: number;
}

/**
 * Takes batches from the stream and hands those that wait to the handler together, each publisher's in order: also
 * when one fails, when a delivery is lost on the way, and when the process that consumed before died with some in its
 * hands. It begins with the first that is not acknowledged; what was stored already is stored once (by its ids). It
 * tells the server that it is at work, so that nothing comes again meanwhile. One process consumes at a time.
 */
export class EventConsumer {
  readonly #options: EventConsumerOptions;
  readonly #stopping = new AbortController();
  readonly #held = new Set<JsMsg>();
  readonly #asleep = new Set<() => void>();
  #waiting = new OrderedBatches<Held>();
  #running: Promise<void> | undefined;

  constructor(options: EventConsumerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Stops taking messages, and resolves once what was handed over is stored or failed. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const sayAtWork = () => this.#held.forEach((message) => this.#tell(() => message.working()));
    const atWork = setInterval(sayAtWork, ACK_WAIT_MS / 4);
    const delivering = this.#deliver();
    while (!signal.aborted) {
      try {
        await this.#begin();
        await this.#fetch(signal);
      } catch (error) {
        if (signal.aborted) break;
        this.#options.onProblem('consumer-failed', error);
        await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
    await delivering;
    clearInterval(atWork);
  }

  /** What is held comes again, so that it is not acknowledged: to the new consumer it would mean something else. */
  async #begin(): Promise<void> {
    this.#waiting = new OrderedBatches();
    this.#held.clear();
    await this.#options.renew();
  }

  /** Until a delivery is missing: it was lost on the way, or somebody else has it. */
  async #fetch(stopping: AbortSignal): Promise<void> {
    const consumer = await this.#options.jetstream.consumers.get(streams.events, CONTROL_PLANE_GROUP);
    for (let next = 1; !stopping.aborted;) {
      const messages = await consumer.fetch(FETCH);
      const close = () => void messages.close();
      stopping.addEventListener('abort', close, { once: true });
      let isComplete = true;
      for await (const message of messages) {
        isComplete &&= message.info.deliverySequence === next++;
        if (isComplete) this.#take(message);
      }
      stopping.removeEventListener('abort', close);
      if (!isComplete) return;
      // The next ones are asked for while the last ones are stored.
      while (this.#waiting.size >= MOST_WAITING && !stopping.aborted) await this.#woken(RETRY_MS);
    }
  }

  #take(message: JsMsg): void {
    const records = decode(message);
    if (records === undefined) {
      this.#options.onProblem(
        'undecodable-message',
        new MessagingError('event_batch_undecodable', `A batch on ${message.subject} is not a list in JSON.`),
      );
      message.term('not a JSON array');
      return;
    }
    this.#held.add(message);
    // The last token of the subject is the publisher's name: the server lets nobody else publish there.
    const replica = message.subject.slice(message.subject.lastIndexOf('.') + 1);
    const batch = { replica, records, waiting: message.info.pending };
    this.#waiting.add({ message, replica, batch, bytes: message.data.length });
    this.#wake();
  }

  async #deliver(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const waiting = this.#waiting;
      const together = waiting.next(Date.now());
      if (together.length === 0) {
        await this.#woken(waiting.dueIn(Date.now()));
        continue;
      }
      const failure = await this.#handOver(together);
      // Each by itself when they could not be stored together: what is wrong with one is not the others' failure.
      if (failure === undefined) waiting.stored(together);
      else if (together.length === 1) this.#failed(waiting, together, failure);
      else waiting.separate(together);
      this.#wake();
    }
  }

  #failed(waiting: OrderedBatches<Held>, [one]: readonly Held[], failure: unknown): void {
    this.#options.onProblem('consumer-failed', failure);
    if (one === undefined || waiting.failed(one, Date.now()) === 'waits') return;
    const { message } = one;
    if (this.#held.delete(message)) this.#tell(() => message.nak(SET_ASIDE_MS));
  }

  /** @returns why the handler failed, if it did */
  async #handOver(together: readonly Held[]): Promise<unknown> {
    try {
      await this.#options.handler(together.map(({ batch }) => batch));
    } catch (error) {
      return error ?? new MessagingError('messaging_request_failed', 'The handler of events failed.');
    }
    for (const { message } of together) if (this.#held.delete(message)) this.#tell(() => message.ack());
    return undefined;
  }

  /** Until there is something to do, or so many milliseconds are over. */
  async #woken(milliseconds: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, milliseconds);
    this.#asleep.add(resolve);
    await promise;
    clearTimeout(timer);
    this.#asleep.delete(resolve);
  }

  #wake(): void {
    for (const wake of this.#asleep) wake();
  }

  /** Tells the server. What it does not hear, it delivers again. */
  #tell(say: () => void): void {
    try {
      say();
    } catch (error) {
      this.#options.onProblem('consumer-failed', error);
    }
  }
}

function decode(message: JsMsg): readonly unknown[] | undefined {
  try {
    const value: unknown = message.json();
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined; // said by the caller
  }
}
