/** Remembers each nonce for as long as its request would be accepted. */
export interface SeenNonces {
  /** False when it was seen before. Times in milliseconds. */
  remember(nonce: string, now: number, forgetAt: number): boolean;
}

/** Bounded: when full of unexpired nonces it refuses rather than forgets. */
export class MemorySeenNonces implements SeenNonces {
  readonly #forgetAt = new Map<string, number>();
  readonly #limit: number;

  constructor(limit = 100_000) {
    this.#limit = limit;
  }

  remember(nonce: string, now: number, forgetAt: number): boolean {
    // insertion order is nearly expiry order: all are kept for about the same time
    for (const [old, until] of this.#forgetAt) {
      if (until > now) break;
      this.#forgetAt.delete(old);
    }
    if (this.#forgetAt.has(nonce) || this.#forgetAt.size >= this.#limit) return false;
    this.#forgetAt.set(nonce, forgetAt);
    return true;
  }
}
