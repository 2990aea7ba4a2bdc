import type { Broadcast, BroadcastListener, MessagingProblemListener, Unsubscribe } from '../ports.js';
import { throughJson } from './through-json.js';

export class InProcessBroadcast implements Broadcast {
  readonly #onProblem: MessagingProblemListener;
  readonly #subscriptions = new Set<{ subject: string; listener: BroadcastListener }>();

  constructor(onProblem: MessagingProblemListener) {
    this.#onProblem = onProblem;
  }

  async publish(subject: string, payload: unknown): Promise<void> {
    for (const subscription of this.#subscriptions) {
      if (!includes(subscription.subject, subject)) continue;
      const copy = throughJson(payload);
      queueMicrotask(() => {
        if (!this.#subscriptions.has(subscription)) return;
        try {
          subscription.listener(copy, subject);
        } catch (error) {
          this.#onProblem('listener-failed', error);
        }
      });
    }
  }

  async subscribe(subject: string, listener: BroadcastListener): Promise<Unsubscribe> {
    const subscription = { subject, listener };
    this.#subscriptions.add(subscription);
    return async () => void this.#subscriptions.delete(subscription);
  }

  close(): void {
    this.#subscriptions.clear();
  }
}

const includes = (wanted: string, subject: string): boolean =>
  wanted.endsWith('.>') ? subject.startsWith(wanted.slice(0, -1)) : wanted === subject;
