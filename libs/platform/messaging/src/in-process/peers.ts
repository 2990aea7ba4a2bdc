import { MessagingError } from '../errors.js';
import type { MessagingProblemListener, Peers, Unsubscribe } from '../ports.js';

export class InProcessPeers implements Peers {
  readonly #onProblem: MessagingProblemListener;
  readonly #handlers = new Map<string, (question: string) => Promise<string>>();

  constructor(onProblem: MessagingProblemListener) {
    this.#onProblem = onProblem;
  }

  async ask(replica: string, question: string, { timeoutMs }: { readonly timeoutMs: number }): Promise<string> {
    const handler = this.#handlers.get(replica);
    if (handler === undefined) throw new MessagingError('messaging_no_responder', `There is no replica ${replica}.`);
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new MessagingError('messaging_timeout', `No answer of ${replica} within ${timeoutMs} ms.`)),
        timeoutMs,
      );
      handler(question).then(
        (answer) => {
          clearTimeout(timer);
          resolve(answer);
        },
        (error: unknown) => this.#onProblem('handler-failed', error),
      ); // no answer: the asker's time runs out
    });
  }

  async serve(replica: string, handler: (question: string) => Promise<string>): Promise<Unsubscribe> {
    this.#handlers.set(replica, handler);
    return async () => {
      if (this.#handlers.get(replica) === handler) this.#handlers.delete(replica);
    };
  }
}
