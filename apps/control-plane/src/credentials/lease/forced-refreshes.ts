import { steady } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';

const PAUSE_MS = 60_000;
const MAX_REMEMBERED = 10_000;

/** Security rule S24: a server that rejects a credential gets it refreshed at most once a minute per connection. */
export class ForcedRefreshes {
  readonly #clock: Clock;
  readonly #lastAt = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = steady(clock);
  }

  /** True once a minute per connection; asking counts. */
  mayRefresh(connectionId: string): boolean {
    const now = this.#clock();
    for (const [id, at] of this.#lastAt) {
      if (now - at < PAUSE_MS && this.#lastAt.size < MAX_REMEMBERED) break;
      this.#lastAt.delete(id);
    }
    if (this.#lastAt.has(connectionId)) return false;
    this.#lastAt.set(connectionId, now);
    return true;
  }
}
