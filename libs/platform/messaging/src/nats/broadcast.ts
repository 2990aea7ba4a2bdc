import type { NatsConnection } from '@nats-io/transport-node';
import { MessagingError } from '../errors.js';
import type { Broadcast, BroadcastListener, MessagingProblemListener, Unsubscribe } from '../ports.js';

export class NatsBroadcast implements Broadcast {
  readonly #connection: NatsConnection;
  readonly #onProblem: MessagingProblemListener;

  constructor(connection: NatsConnection, onProblem: MessagingProblemListener) {
    this.#connection = connection;
    this.#onProblem = onProblem;
  }

  async publish(subject: string, payload: unknown): Promise<void> {
    if (this.#connection.isClosed()) throw new MessagingError('messaging_closed', 'The bus is closed.');
    this.#connection.publish(subject, JSON.stringify(payload));
  }

  async subscribe(subject: string, listener: BroadcastListener): Promise<Unsubscribe> {
    const subscription = this.#connection.subscribe(subject, {
      callback: (error, message) => {
        if (error) {
          this.#onProblem('not-permitted', error);
          return;
        }
        try {
          listener(message.json<unknown>(), message.subject);
        } catch (failure) {
          this.#onProblem(failure instanceof SyntaxError ? 'undecodable-message' : 'listener-failed', failure);
        }
      },
    });
    await this.#connection.flush(); // from here on nothing is missed
    return async () => subscription.unsubscribe();
  }
}
