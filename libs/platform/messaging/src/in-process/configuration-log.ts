import { MessagingError } from '../errors.js';
import { epochOf } from '../epoch-of.js';
import { OrderedDelivery } from '../ordered-delivery.js';
import type { ConfigurationLog, MessagingProblemListener } from '../ports.js';

const RETRY_MS = 1_000;

type Change = { revision: number; jws: string };
type Follower = { delivery: OrderedDelivery; retry: NodeJS.Timeout | undefined };

/** The log kept in memory: the newest base and what changed after it. The control plane rebuilds it at each start. */
export class InProcessConfigurationLog implements ConfigurationLog {
  readonly #followers = new Set<Follower>();
  readonly #onProblem: MessagingProblemListener;
  #base: { revision: number; chunks: readonly string[] } | undefined;
  #changes: Change[] = [];
  #newestChange: string | undefined;
  readonly #appended = new Set<string>();

  constructor(onProblem: MessagingProblemListener) {
    this.#onProblem = onProblem;
  }

  async appendChange(revision: number, jws: string): Promise<void> {
    const key = `${epochOf(jws)}/${revision}`;
    if (this.#appended.has(key)) return;
    this.#appended.add(key);
    this.#changes.push({ revision, jws });
    this.#newestChange = jws;
    for (const { delivery } of this.#followers) delivery.push(jws);
  }

  async appendBase(revision: number, chunks: readonly string[]): Promise<void> {
    if (chunks.length === 0) throw new MessagingError('configuration_base_empty', 'A base has at least one chunk.');
    const newEpoch = this.#base !== undefined && epochOf(this.#base.chunks[0] ?? '') !== epochOf(chunks[0] ?? '');
    this.#base = { revision, chunks: [...chunks] };
    this.#changes = newEpoch ? [] : this.#changes.filter((change) => change.revision > revision);
    for (const { delivery } of this.#followers) for (const chunk of chunks) delivery.push(chunk);
  }

  async newest(): Promise<readonly string[]> {
    return [this.#newestChange, this.#base?.chunks.at(-1)].filter((entry) => entry !== undefined);
  }

  async heartbeat(jws: string): Promise<void> {
    for (const { delivery } of this.#followers) delivery.push(jws, { heartbeat: true });
  }

  async follow(
    listener: (jws: string) => void | Promise<void>,
  ): Promise<{ restart(): Promise<void>; stop(): Promise<void> }> {
    const replay = (): void => {
      delivery.clear();
      if (!this.#base) return;
      for (const chunk of this.#base.chunks) delivery.push(chunk);
      for (const { jws } of this.#changes) delivery.push(jws);
    };
    const delivery = new OrderedDelivery(listener, (error) => {
      this.#onProblem('listener-failed', error);
      follower.retry = setTimeout(replay, RETRY_MS).unref();
    });
    const follower: Follower = { delivery, retry: undefined };
    this.#followers.add(follower);
    replay();
    return {
      restart: async () => replay(),
      stop: async () => {
        this.#followers.delete(follower);
        clearTimeout(follower.retry);
        delivery.clear();
      },
    };
  }

  close(): void {
    for (const { delivery, retry } of this.#followers) {
      clearTimeout(retry);
      delivery.clear();
    }
    this.#followers.clear();
  }
}
