import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JetStreamClient, JsMsg } from '@nats-io/jetstream';
import { streams, subjects } from '@sallyport/messages';
import { MessagingError } from '../errors.js';
import type { EventStream, MessagingProblemListener, Unsubscribe } from '../ports.js';
import { CONTROL_PLANE_GROUP } from './permissions.js';
import { unavailable } from './unavailable.js';

type Handler = (replica: string, records: readonly unknown[]) => Promise<void>;

/** Well below the server's 1 MB, and small enough to be stored in one go by the consumer. */
const MAX_MESSAGE_BYTES = 512 * 1024;
const FETCH = { max_messages: 16, expires: 5_000 };
const RETRY_MS = 1_000;

/** Batches in JetStream: stored when `publish` resolves, removed when the control plane has acknowledged them. */
export class NatsEventStream implements EventStream {
  readonly #jetstream: JetStreamClient;
  readonly #onProblem: MessagingProblemListener;

  constructor(jetstream: JetStreamClient, onProblem: MessagingProblemListener) {
    this.#jetstream = jetstream;
    this.#onProblem = onProblem;
  }

  async publish(replica: string, records: readonly unknown[]): Promise<void> {
    for (const message of intoMessages(records)) {
      // The same batch published again, after an answer that was lost, is stored once.
      const msgID = createHash('sha256').update(replica).update('\0').update(message).digest('base64url');
      await unavailable(this.#jetstream.publish(subjects.events(replica), message, { msgID }));
    }
  }

  async consume(handler: Handler): Promise<Unsubscribe> {
    const stopping = new AbortController();
    const running = this.#consumeUntil(stopping.signal, handler);
    return async () => {
      stopping.abort();
      await running;
    };
  }

  async #consumeUntil(stopping: AbortSignal, handler: Handler): Promise<void> {
    while (!stopping.aborted) {
      try {
        const consumer = await this.#jetstream.consumers.get(streams.events, CONTROL_PLANE_GROUP);
        while (!stopping.aborted) {
          const messages = await consumer.fetch(FETCH);
          const close = () => void messages.close();
          stopping.addEventListener('abort', close, { once: true });
          for await (const message of messages) await this.#handle(message, handler);
          stopping.removeEventListener('abort', close);
        }
      } catch (error) {
        if (stopping.aborted) return;
        this.#onProblem('consumer-failed', error);
        await sleep(RETRY_MS, undefined, { signal: stopping }).catch(() => undefined);
      }
    }
  }

  async #handle(message: JsMsg, handler: Handler): Promise<void> {
    const records = decode(message);
    if (!records) {
      this.#onProblem(
        'undecodable-message',
        new MessagingError('event_batch_undecodable', `A batch on ${message.subject} is not a list in JSON.`),
      );
      message.term('not a JSON array');
      return;
    }
    try {
      // The last token of the subject is the publisher's name: the server lets nobody else publish there.
      await handler(message.subject.slice(message.subject.lastIndexOf('.') + 1), records);
      message.ack();
    } catch (error) {
      this.#onProblem('consumer-failed', error);
      message.nak(Math.min(100 * 2 ** message.info.deliveryCount, 30_000));
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

/** JSON arrays of at most `MAX_MESSAGE_BYTES` each. */
function intoMessages(records: readonly unknown[]): string[] {
  const messages: string[] = [];
  let parts: string[] = [];
  let bytes = 2;
  for (const record of records) {
    const text = JSON.stringify(record);
    const size = Buffer.byteLength(text) + 1;
    if (size + 2 > MAX_MESSAGE_BYTES)
      throw new MessagingError('event_too_large', `One event has more than ${MAX_MESSAGE_BYTES} bytes.`);
    if (bytes + size > MAX_MESSAGE_BYTES) {
      messages.push(`[${parts.join(',')}]`);
      parts = [];
      bytes = 2;
    }
    parts.push(text);
    bytes += size;
  }
  if (parts.length > 0) messages.push(`[${parts.join(',')}]`);
  return messages;
}
