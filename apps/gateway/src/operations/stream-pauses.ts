import { BoundedMap } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';

/** A stream that lived this long ends no more often than is bearable. */
const LASTING_MS = 60_000;
const LONGEST_MS = 60_000;

/**
 * Servers that end their streams again and again. Each such end makes the client subscribe anew, to all servers: one
 * that goes on is left out for longer each time, up to a minute, for the user whose subscriptions it ends.
 */
export class StreamPauses {
  readonly #clock: Clock;
  readonly #ended = new BoundedMap<string, { readonly count: number; readonly at: number }>(10_000);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The server ended a stream itself. */
  note(server: string, userId: string, openedAt: number): void {
    const key = JSON.stringify([server, userId]);
    const at = this.#clock();
    const before = this.#ended.get(key);
    const isFirst = before === undefined || at - openedAt >= LASTING_MS || at - before.at >= 2 * LONGEST_MS;
    this.#ended.set(key, { count: isFirst ? 1 : before.count + 1, at });
  }

  /** Milliseconds until it may take part again; once is no reason to wait. */
  left(server: string, userId: string): number {
    const ended = this.#ended.get(JSON.stringify([server, userId]));
    if (ended === undefined || ended.count < 2) return 0;
    return Math.max(0, ended.at + Math.min(1_000 * 2 ** (ended.count - 1), LONGEST_MS) - this.#clock());
  }
}
