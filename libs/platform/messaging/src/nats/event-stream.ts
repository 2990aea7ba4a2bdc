import { createHash } from 'node:crypto';
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import { subjects } from '@sallyport/messages';
import { intoArrays, linesOf } from '../event-lines.js';
import type { EventHandler, EventStream, MessagingProblemListener, Unsubscribe } from '../ports.js';
import { renewConsumer } from './ensure-streams.js';
import { EventConsumer } from './event-consumer.js';
import { unavailable } from './unavailable.js';

/** Well below the server's 1 MB, and small enough to be stored in one go by the consumer. */
const MAX_MESSAGE_BYTES = 512 * 1024;

/** Batches in JetStream: stored when `publish` resolves, removed when the control plane has acknowledged them. */
export class NatsEventStream implements EventStream {
  readonly #jetstream: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #onProblem: MessagingProblemListener;

  constructor(jetstream: JetStreamClient, manager: JetStreamManager, onProblem: MessagingProblemListener) {
    this.#jetstream = jetstream;
    this.#manager = manager;
    this.#onProblem = onProblem;
  }

  publish(replica: string, records: readonly unknown[]): Promise<void> {
    return this.publishLines(replica, linesOf(records));
  }

  async publishLines(replica: string, lines: Buffer): Promise<void> {
    for (const message of intoArrays(lines, MAX_MESSAGE_BYTES)) {
      // The same batch published again, after an answer that was lost, is stored once.
      const msgID = createHash('sha256').update(replica).update('\0').update(message).digest('base64url');
      await unavailable(this.#jetstream.publish(subjects.events(replica), message, { msgID }));
    }
  }

  async consume(handler: EventHandler): Promise<Unsubscribe> {
    const consumer = new EventConsumer({
      jetstream: this.#jetstream,
      renew: () => renewConsumer(this.#manager),
      handler,
      onProblem: this.#onProblem,
    });
    consumer.start();
    return () => consumer.stop();
  }
}
