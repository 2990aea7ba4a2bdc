import { MessagingError } from '../errors.js';
import type { MessagingProblemListener, RequestHandler, Requests, Unsubscribe } from '../ports.js';
import { throughJson } from './through-json.js';

/** Those who serve one subject, and whose turn it is. */
interface Served {
  readonly handlers: RequestHandler[];
  turn: number;
}

export class InProcessRequests implements Requests {
  readonly #served = new Map<string, Served>();
  readonly #onProblem: MessagingProblemListener;
  #closed = false;

  constructor(onProblem: MessagingProblemListener) {
    this.#onProblem = onProblem;
  }

  async request(subject: string, payload: object, { timeoutMs }: { readonly timeoutMs: number }): Promise<unknown> {
    if (this.#closed) throw new MessagingError('messaging_closed', 'The bus is closed.');
    const handler = this.#next(subject);
    if (handler === undefined) throw new MessagingError('messaging_no_responder', `Nobody serves ${subject}.`);
    const asked = throughJson({ ...payload, waitsMs: timeoutMs });
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const timer = setTimeout(
      () => reject(new MessagingError('messaging_timeout', `No answer on ${subject} within ${timeoutMs} ms.`)),
      timeoutMs,
    );
    this.#answer(handler, asked).then(resolve, (error: unknown) => {
      this.#onProblem('handler-failed', error);
      reject(new MessagingError('messaging_request_failed', `The request on ${subject} failed.`));
    });
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  async serve(subject: string, handler: RequestHandler): Promise<Unsubscribe> {
    const served = this.#served.get(subject) ?? { handlers: [], turn: 0 };
    this.#served.set(subject, served);
    served.handlers.push(handler);
    return async () => {
      const index = served.handlers.indexOf(handler);
      if (index !== -1) served.handlers.splice(index, 1);
    };
  }

  close(): void {
    this.#closed = true;
    this.#served.clear();
  }

  #next(subject: string): RequestHandler | undefined {
    const served = this.#served.get(subject);
    if (served === undefined || served.handlers.length === 0) return undefined;
    served.turn = (served.turn + 1) % served.handlers.length;
    return served.handlers[served.turn];
  }

  async #answer(handler: RequestHandler, asked: unknown): Promise<unknown> {
    await Promise.resolve(); // never inside the call that asked
    return throughJson(await handler(asked));
  }
}
