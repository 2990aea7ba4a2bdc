import { errors } from '@nats-io/transport-node';
import type { Msg } from '@nats-io/transport-node';
import { z } from 'zod';
import { MessagingError } from '../errors.js';
import type { MessagingProblemListener, RequestHandler, Requests, Unsubscribe } from '../ports.js';
import type { NatsLink } from './link.js';
import { MAX_MESSAGE_BYTES } from './max-message-bytes.js';

/** `{"answer":…}`, or `{"failed":true}` without a word about why. */
const Reply = z.object({ answer: z.unknown().optional(), failed: z.literal(true).optional() });
const FAILED = JSON.stringify({ failed: true });
const INBOX = /^_INBOX_[a-z0-9-]+\./;
/** How long whoever stops serving still waits for what it is answering. */
const GRACE_MS = 200;

export interface NatsRequestsOptions {
  /** Apart from the link of the configuration: what agents cause is not before a heartbeat (S34). */
  readonly asking: NatsLink;
  /** A link for what is asked of this process; opened when it first serves. */
  readonly openServing: () => Promise<NatsLink>;
  /** Replicas that serve under one group share the requests. */
  readonly group: string;
  readonly onProblem: MessagingProblemListener;
}

/**
 * Request and reply as NATS has it, in JSON. The payload is the message; one message comes back, to the asker's own
 * inbox.
 */
export class NatsRequests implements Requests {
  readonly #options: NatsRequestsOptions;
  #serving: Promise<NatsLink> | undefined;

  constructor(options: NatsRequestsOptions) {
    this.#options = options;
  }

  async request(subject: string, payload: object, { timeoutMs }: { readonly timeoutMs: number }): Promise<unknown> {
    const { asking } = this.#options;
    if (!asking.isUp) throw new MessagingError('messaging_unavailable', 'The bus is not reachable.');
    const message = Buffer.from(JSON.stringify({ ...payload, waitsMs: timeoutMs }));
    if (message.length > MAX_MESSAGE_BYTES)
      throw new MessagingError('messaging_too_large', 'The request is too large for the bus.');
    let reply: Msg;
    try {
      reply = await asking.connection.request(subject, message, { timeout: timeoutMs });
    } catch (error) {
      throw requestError(error, subject, timeoutMs);
    }
    const read = Reply.safeParse(parsed(reply));
    if (!read.success || read.data.failed === true)
      throw new MessagingError('messaging_request_failed', `The request on ${subject} failed.`, {
        detail: read.error,
      });
    return read.data.answer;
  }

  async serve(subject: string, handler: RequestHandler): Promise<Unsubscribe> {
    const { connection } = await (this.#serving ??= this.#options.openServing());
    const answering = new Set<Promise<void>>();
    const subscription = connection.subscribe(subject, {
      queue: this.#options.group,
      callback: (error, message) => {
        if (error) return this.#options.onProblem('not-permitted', error);
        const answered = this.#answer(message, handler).finally(() => answering.delete(answered));
        answering.add(answered);
      },
    });
    await connection.flush(); // from here on every request arrives
    return async () => {
      if (connection.isClosed()) return;
      const grace = Promise.withResolvers<void>();
      const timer = setTimeout(grace.resolve, GRACE_MS);
      await Promise.race([subscription.drain().then(() => Promise.all(answering)), grace.promise]);
      clearTimeout(timer);
    };
  }

  async close(): Promise<void> {
    await this.#options.asking.close();
    await this.#serving?.then(
      (link) => link.close(),
      () => undefined, // it was never opened
    );
  }

  /**
   * The asker chooses where its answer goes, and the server does not check that choice: without this check, a gateway's
   * key could have the control plane answer into the configuration log or another replica's events (S26).
   */
  async #answer(message: Msg, handler: RequestHandler): Promise<void> {
    const { onProblem } = this.#options;
    if (!INBOX.test(message.reply ?? '')) {
      const detail = { replyTo: message.reply };
      onProblem(
        'not-permitted',
        new MessagingError('reply_subject_refused', 'A request asks for its answer outside an inbox.', { detail }),
      );
      return;
    }
    try {
      message.respond(await this.#reply(message, handler));
    } catch (error) {
      onProblem('handler-failed', error);
    }
  }

  /** @returns the message to send back; never larger than the bus takes */
  async #reply(message: Msg, handler: RequestHandler): Promise<Uint8Array | string> {
    const { onProblem } = this.#options;
    const payload = parsed(message);
    if (payload === undefined) {
      onProblem(
        'undecodable-message',
        new MessagingError('request_undecodable', `A request on ${message.subject} is not in JSON.`),
      );
      return FAILED;
    }
    try {
      const reply = Buffer.from(JSON.stringify({ answer: await handler(payload) }));
      if (reply.length <= MAX_MESSAGE_BYTES) return reply;
      throw new MessagingError('messaging_too_large', `An answer on ${message.subject} is too large for the bus.`);
    } catch (error) {
      onProblem('handler-failed', error);
      return FAILED;
    }
  }
}

function parsed(message: Msg): unknown {
  try {
    return message.json();
  } catch {
    return undefined; // said by the caller
  }
}

/** Told by the classes of the NATS client, which wraps what the server said in a `RequestError`. */
function requestError(error: unknown, subject: string, timeoutMs: number): MessagingError {
  const cause = error instanceof errors.RequestError && error.cause !== undefined ? error.cause : error;
  if (cause instanceof errors.NoRespondersError)
    return new MessagingError('messaging_no_responder', `Nobody serves ${subject}.`, { cause });
  if (cause instanceof errors.TimeoutError)
    return new MessagingError('messaging_timeout', `No answer on ${subject} within ${timeoutMs} ms.`, { cause });
  if (
    cause instanceof errors.ClosedConnectionError ||
    cause instanceof errors.DrainingConnectionError ||
    cause instanceof errors.ConnectionError
  )
    return new MessagingError('messaging_unavailable', 'The bus is not reachable.', { cause });
  return new MessagingError('messaging_request_failed', `The request on ${subject} failed.`, { detail: error });
}
