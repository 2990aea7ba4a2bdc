import { randomBytes } from 'node:crypto';
import { createInbox } from '@nats-io/transport-node';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { subjects } from '@sallyport/messages';
import { z } from 'zod';
import { MessagingError } from '../errors.js';
import type { MessagingProblemListener, Peers, Unsubscribe } from '../ports.js';
import { MAX_MESSAGE_BYTES } from './max-message-bytes.js';
import { inboxPrefixOf } from './permissions.js';

const Asked = z.object({
  id: z.string().max(64),
  from: z.string().regex(/^[a-z0-9-]{1,63}(\.\d{1,4})?$/),
  question: z.string(),
});
const Answered = z.object({ id: z.string().max(64), answer: z.string() });

const NO_RESPONDERS = 503;

/**
 * Answers travel on a subject of their own, and the inbox only hears from the server that nobody is there: no gateway
 * may write into an inbox.
 */
export class NatsPeers implements Peers {
  readonly #connection: NatsConnection;
  readonly #name: string;
  readonly #address: string;
  readonly #onProblem: MessagingProblemListener;
  readonly #waiting = new Map<string, (answer: string) => void>();
  #listening: Promise<void> | undefined;

  /** @param parts.name whose inbox this is @param parts.address where answers come to: `gatewayAddress` */
  constructor(
    connection: NatsConnection,
    { name, address }: { readonly name: string; readonly address: string },
    onProblem: MessagingProblemListener,
  ) {
    this.#connection = connection;
    this.#name = name;
    this.#address = address;
    this.#onProblem = onProblem;
  }

  async ask(replica: string, question: string, { timeoutMs }: { readonly timeoutMs: number }): Promise<string> {
    const id = randomBytes(12).toString('base64url');
    const text = JSON.stringify({ id, from: this.#address, question });
    if (Buffer.byteLength(text) > MAX_MESSAGE_BYTES)
      throw new MessagingError('messaging_too_large', 'The message is too large for the bus.');
    if (this.#connection.isClosed()) throw new MessagingError('messaging_unavailable', 'The bus is not reachable.');
    await (this.#listening ??= this.#listen());
    const inbox = createInbox(inboxPrefixOf(this.#name));
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const timer = setTimeout(
      () => reject(new MessagingError('messaging_timeout', `No answer of ${replica} within ${timeoutMs} ms.`)),
      timeoutMs,
    );
    const refusal = this.#connection.subscribe(inbox, {
      callback: (_error, message) => {
        if (message.headers?.code === NO_RESPONDERS)
          reject(new MessagingError('messaging_no_responder', `There is no replica ${replica}.`));
      },
    });
    this.#waiting.set(id, resolve);
    try {
      this.#connection.publish(subjects.gateway(replica), text, { reply: inbox });
      return await promise;
    } finally {
      clearTimeout(timer);
      refusal.unsubscribe();
      this.#waiting.delete(id);
    }
  }

  async serve(replica: string, handler: (question: string) => Promise<string>): Promise<Unsubscribe> {
    const subscription = this.#connection.subscribe(subjects.gateway(replica), {
      callback: (error, message) => {
        if (error) this.#onProblem('not-permitted', error);
        else void this.#answer(message, handler);
      },
    });
    await this.#connection.flush();
    return async () => subscription.unsubscribe();
  }

  async #answer(message: Msg, handler: (question: string) => Promise<string>): Promise<void> {
    try {
      const { id, from, question } = Asked.parse(message.json());
      this.#connection.publish(subjects.gatewayReply(from), JSON.stringify({ id, answer: await handler(question) }));
    } catch (error) {
      this.#onProblem('handler-failed', error);
    }
  }

  async #listen(): Promise<void> {
    this.#connection.subscribe(subjects.gatewayReply(this.#address), {
      callback: (error, message) => {
        if (error) return this.#onProblem('not-permitted', error);
        const answered = Answered.safeParse(parsed(message));
        if (answered.success) this.#waiting.get(answered.data.id)?.(answered.data.answer);
      },
    });
    await this.#connection.flush();
  }
}

function parsed(message: Msg): unknown {
  try {
    return message.json();
  } catch {
    return undefined; // nobody waits for what is no answer
  }
}
