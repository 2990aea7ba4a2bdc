import { setTimeout as sleep } from 'node:timers/promises';
import type { JetStreamClient, JsMsg } from '@nats-io/jetstream';
import { streams } from '@sallyport/messages';
import { MessagingError } from '../errors.js';
import type { EventBatch, EventHandler, MessagingProblemListener } from '../ports.js';
import { ACK_WAIT_MS } from './ensure-streams.js';
import { CONTROL_PLANE_GROUP } from './permissions.js';

const FETCH = { max_messages: 16, expires: 5_000 };
/** Messages of one delivery have no more bytes, unless one alone has. */
const DELIVERY_BYTES = 1024 * 1024;
const RETRY_MS = 1_000;
const LAST_RETRY_MS = 30_000;

/** A message that this process holds: the server delivers it to nobody else while it hears that work goes on. */
interface Held {
  readonly message: JsMsg;
  readonly batch: EventBatch;
}

/**
 * Takes batches from the stream and hands those that wait to the handler together, in order. It tells the server that
 * it is at work on them, so that the wait for an acknowledgement is short: what a killed process held comes again soon.
 */
export class EventConsumer {
  readonly #jetstream: JetStreamClient;
  readonly #handler: EventHandler;
  readonly #onProblem: MessagingProblemListener;
  readonly #stopping = new AbortController();
  readonly #waiting: Held[] = [];
  readonly #held = new Set<JsMsg>();
  #running: Promise<void> | undefined;
  #delivering: Promise<void> = Promise.resolve();
  #isDelivering = false;
  #onDrained: () => void = () => undefined;

  constructor(jetstream: JetStreamClient, handler: EventHandler, onProblem: MessagingProblemListener) {
    this.#jetstream = jetstream;
    this.#handler = handler;
    this.#onProblem = onProblem;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Stops taking messages, and resolves once what was taken is stored or given back. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const sayAtWork = () => this.#held.forEach((message) => this.#tell(() => message.working()));
    const atWork = setInterval(sayAtWork, ACK_WAIT_MS / 4);
    while (!signal.aborted) {
      try {
        await this.#fetch(signal);
      } catch (error) {
        if (signal.aborted) break;
        this.#onProblem('consumer-failed', error);
        await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
    await this.#delivering;
    clearInterval(atWork);
  }

  async #fetch(stopping: AbortSignal): Promise<void> {
    const consumer = await this.#jetstream.consumers.get(streams.events, CONTROL_PLANE_GROUP);
    while (!stopping.aborted) {
      const messages = await consumer.fetch(FETCH);
      const close = () => void messages.close();
      stopping.addEventListener('abort', close, { once: true });
      for await (const message of messages) this.#take(message);
      stopping.removeEventListener('abort', close);
      // The next ones are asked for while the last ones are stored.
      while (this.#waiting.length > 0) await new Promise<void>((resolve) => (this.#onDrained = resolve));
    }
  }

  #take(message: JsMsg): void {
    const records = decode(message);
    if (records === undefined) {
      this.#onProblem(
        'undecodable-message',
        new MessagingError('event_batch_undecodable', `A batch on ${message.subject} is not a list in JSON.`),
      );
      message.term('not a JSON array');
      return;
    }
    this.#held.add(message);
    // The last token of the subject is the publisher's name: the server lets nobody else publish there.
    const replica = message.subject.slice(message.subject.lastIndexOf('.') + 1);
    this.#waiting.push({ message, batch: { replica, records, waiting: message.info.pending } });
    if (!this.#isDelivering) this.#delivering = this.#deliver();
  }

  async #deliver(): Promise<void> {
    this.#isDelivering = true;
    while (this.#waiting.length > 0) {
      const together = this.#takeTogether();
      const failure = await this.#handOver(together);
      // Each by itself when they could not be stored together: what is wrong with one is not the others' failure.
      if (failure !== undefined && together.length > 1) for (const one of together) await this.#handOverOne(one);
      else if (failure !== undefined) this.#giveBack(together, failure);
    }
    this.#isDelivering = false;
  }

  async #handOverOne(one: Held): Promise<void> {
    const failure = await this.#handOver([one]);
    if (failure !== undefined) this.#giveBack([one], failure);
  }

  #takeTogether(): Held[] {
    let bytes = 0;
    const beyond = this.#waiting.findIndex(({ message }, index) => {
      bytes += message.data.length;
      return index > 0 && bytes > DELIVERY_BYTES;
    });
    const together = this.#waiting.splice(0, beyond === -1 ? Infinity : beyond);
    if (this.#waiting.length === 0) this.#onDrained();
    return together;
  }

  /** @returns why the handler failed, if it did */
  async #handOver(together: readonly Held[]): Promise<unknown> {
    try {
      await this.#handler(together.map(({ batch }) => batch));
    } catch (error) {
      return error ?? new MessagingError('messaging_request_failed', 'The handler of events failed.');
    }
    for (const { message } of together) {
      this.#held.delete(message);
      this.#tell(() => message.ack());
    }
    return undefined;
  }

  #giveBack(all: readonly Held[], failure: unknown): void {
    this.#onProblem('consumer-failed', failure);
    for (const { message } of all) {
      this.#held.delete(message);
      this.#tell(() => message.nak(Math.min(100 * 2 ** message.info.deliveryCount, LAST_RETRY_MS)));
    }
  }

  /** Tells the server. What it does not hear, it delivers again. */
  #tell(say: () => void): void {
    try {
      say();
    } catch (error) {
      this.#onProblem('consumer-failed', error);
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
