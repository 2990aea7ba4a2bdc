import type { ConsumerDeserializer, IncomingEvent, IncomingRequest } from '@nestjs/microservices';
import { NatsRequestJSONDeserializer } from '@nestjs/microservices/deserializers/nats-request-json.deserializer.js';
import { SallyportError } from '@sallyport/kernel';
import type { MessagingProblemListener } from '../ports.js';

const INBOX = /^_INBOX_[a-z0-9-]+\./;

/**
 * The asker chooses where its answer goes, and the server does not check that choice: without this, a gateway's key
 * could have the control plane answer into the configuration log or another replica's events (security rule S26).
 */
export class InboxOnlyDeserializer implements ConsumerDeserializer {
  readonly #json = new NatsRequestJSONDeserializer();
  readonly #onProblem: MessagingProblemListener;

  constructor(onProblem: MessagingProblemListener) {
    this.#onProblem = onProblem;
  }

  deserialize(
    value: unknown,
    options: Record<string, unknown> = {},
  ): IncomingRequest | IncomingEvent | Promise<IncomingRequest | IncomingEvent> {
    const { replyTo } = options;
    if (typeof replyTo === 'string' && replyTo !== '' && !INBOX.test(replyTo)) {
      const error = new SallyportError('reply_subject_refused', 'A request asks for its answer outside an inbox.', {
        detail: { replyTo },
      });
      this.#onProblem('not-permitted', error);
      throw error;
    }
    return this.#json.deserialize(value, options);
  }
}
