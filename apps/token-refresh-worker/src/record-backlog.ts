import { setTimeout as sleep } from 'node:timers/promises';

export interface RecordBacklogOptions<T> {
  /** Safe once it resolves; the same batch may be published again. */
  readonly publish: (batch: readonly T[]) => Promise<void>;
  /** Milliseconds between attempts while the stream is away: 1000. */
  readonly pauseMs?: number;
  /** Told when it begins, not for each record. */
  readonly onProblem: (problem: 'waiting' | 'dropped', error?: unknown) => void;
}

const MOST = 10_000;
const BATCH = 100;

/**
 * Records on their way to the trail. What they tell of has happened and waits for nobody: they wait here, in order and
 * in memory, until the stream takes them. When there are too many the oldest go.
 */
export class RecordBacklog<T> {
  readonly #options: RecordBacklogOptions<T>;
  readonly #waiting: T[] = [];
  #sending: Promise<void> | undefined;
  #stop = new AbortController();
  #isDropping = false;

  constructor(options: RecordBacklogOptions<T>) {
    this.#options = options;
  }

  add(record: T): void {
    if (this.#waiting.length >= MOST) {
      this.#waiting.shift();
      if (!this.#isDropping) this.#options.onProblem('dropped');
      this.#isDropping = true;
    }
    this.#waiting.push(record);
    this.#sending ??= this.#send().finally(() => (this.#sending = undefined));
  }

  /** Tries for so long to send what waits still. */
  async close(withinMs: number): Promise<void> {
    await Promise.race([this.#sending, sleep(withinMs, undefined, { ref: false })]);
    this.#stop.abort();
    await this.#sending;
    if (this.#waiting.length > 0) this.#options.onProblem('dropped');
  }

  async #send(): Promise<void> {
    let isAway = false;
    while (this.#waiting.length > 0 && !this.#stop.signal.aborted) {
      const batch = this.#waiting.slice(0, BATCH);
      try {
        await this.#options.publish(batch);
        // Of what was sent, the oldest may have been dropped meanwhile.
        const sent = new Set(batch);
        while (this.#waiting[0] !== undefined && sent.has(this.#waiting[0])) this.#waiting.shift();
        isAway = this.#isDropping = false;
      } catch (error) {
        if (!isAway) this.#options.onProblem('waiting', error);
        isAway = true;
        await sleep(this.#options.pauseMs ?? 1_000, undefined, { signal: this.#stop.signal, ref: false }).then(
          undefined,
          () => undefined,
        );
      }
    }
  }
}
