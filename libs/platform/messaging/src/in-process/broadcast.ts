import type { Broadcast, MessagingProblemListener, Unsubscribe } from '../ports.js';
import { throughJson } from './through-json.js';

export class InProcessBroadcast implements Broadcast {
  readonly #onProblem: MessagingProblemListener;
  readonly #subscriptions = new Set<{ subject: string; listener: (payload: unknown) => void }>();

  constructor(onProblem: MessagingProblemListener) {
    this.#onProblem = onProblem;
  }

  async publish(subject: string, payload: unknown): Promise<void> {
    for (const subscription of this.#subscriptions) {
      if (subscription.subject !== subject) continue;
      const copy = throughJson(payload);
      queueMicrotask(() => {
        if (!this.#subscriptions.has(subscription)) return;
        try {
          subscription.listener(copy);
        } catch (error) {
          this.#onProblem('listener-failed', error);
        }
      });
    }
  }

  async subscribe(subject: string, listener: (payload: unknown) => void): Promise<Unsubscribe> {
    const subscription = { subject, listener };
    this.#subscriptions.add(subscription);
    return async () => void this.#subscriptions.delete(subscription);
  }

  close(): void {
    this.#subscriptions.clear();
  }
}
