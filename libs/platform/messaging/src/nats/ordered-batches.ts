/** Batches of one delivery have no more bytes, unless one alone has. */
const DELIVERY_BYTES = 1024 * 1024;
const FIRST_RETRY_MS = 200;
const LAST_RETRY_MS = 5_000;
/** So often a batch fails while others are stored, and then it is its own fault. */
const OWN_FAULTS = 4;
const IDLE_MS = 60_000;

interface Published {
  /** Whose it is: each publisher's are stored in order. */
  readonly replica: string;
  readonly bytes: number;
}
interface Failing {
  readonly failures: number;
  /** Of them, those after another publisher's batch was stored. */
  readonly ownFaults: number;
  readonly storedBefore: number;
  readonly notBefore: number;
}

/**
 * Batches that wait to be stored. A publisher's later ones wait behind one that fails, and other publishers' do not.
 * One that goes on failing while others are stored is set aside, so that it holds up nobody for ever.
 */
export class OrderedBatches<T extends Published> {
  #waiting: T[] = [];
  /** They failed together: each goes by itself. */
  readonly #separate = new Set<T>();
  readonly #failing = new Map<string, Failing>();
  #stored = 0;

  get size(): number {
    return this.#waiting.length;
  }

  add(batch: T): void {
    this.#waiting.push(batch);
  }

  /** Those that go together now; they stay until it is said what became of them. */
  next(now: number): readonly T[] {
    const ready = this.#waiting.filter(({ replica }) => (this.#failing.get(replica)?.notBefore ?? 0) <= now);
    const [first] = ready;
    if (first === undefined || this.#separate.has(first) || this.#failing.has(first.replica)) return ready.slice(0, 1);
    let bytes = 0;
    const beyond = ready.findIndex((batch, index) => {
      bytes += batch.bytes;
      return index > 0 && (bytes > DELIVERY_BYTES || this.#separate.has(batch) || this.#failing.has(batch.replica));
    });
    return beyond === -1 ? ready : ready.slice(0, beyond);
  }

  /** Milliseconds until there may be a next one, if none is added. */
  dueIn(now: number): number {
    const due = this.#waiting.map(({ replica }) => this.#failing.get(replica)?.notBefore ?? now);
    return Math.max(0, Math.min(now + IDLE_MS, ...due) - now);
  }

  stored(batches: readonly T[]): void {
    this.#remove(batches);
    this.#stored += 1;
    for (const { replica } of batches) this.#failing.delete(replica);
  }

  separate(batches: readonly T[]): void {
    for (const batch of batches) this.#separate.add(batch);
  }

  /** @returns whether it waits to be tried again, or was set aside */
  failed(batch: T, now: number): 'waits' | 'is set aside' {
    const before = this.#failing.get(batch.replica);
    const storedBefore = before?.storedBefore ?? this.#stored;
    const failures = (before?.failures ?? 0) + 1;
    const ownFaults = (before?.ownFaults ?? 0) + (this.#stored > storedBefore ? 1 : 0);
    if (ownFaults >= OWN_FAULTS) {
      this.#remove([batch]);
      this.#failing.delete(batch.replica);
      return 'is set aside';
    }
    const notBefore = now + Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 8), LAST_RETRY_MS);
    this.#failing.set(batch.replica, { failures, ownFaults, storedBefore, notBefore });
    return 'waits';
  }

  #remove(batches: readonly T[]): void {
    const gone = new Set(batches);
    for (const batch of batches) this.#separate.delete(batch);
    this.#waiting = this.#waiting.filter((batch) => !gone.has(batch));
  }
}
