import type { Clock } from '@sallyport/kernel';

/** Proofs used before; see RFC 9449 section 11.1. */
export interface SeenProofs {
  /** Proofs from before this moment are refused: nobody here would know whether they were used. Seconds since the epoch. */
  readonly since: number;
  /**
   * Marks a proof as used.
   * @param id names key and `jti`; @param until seconds since the epoch: afterwards the proof is too old anyway
   * @returns `new` exactly once per id; `full` when there is no room to remember it, so it must not be accepted
   */
  claim(id: string, until: number): 'new' | 'seen' | 'full';
}

const SWEEP_EVERY_MS = 1_000;

/** Used proofs of the last minutes, in memory. Never forgets one that could still be replayed: when it is full it says so. */
export class ProofMemory {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #until = new Map<string, number>();
  #sweptAt = 0;

  /** @param limit at most this many proofs, about 100 bytes each */
  constructor({ clock, limit = 500_000 }: { clock: Clock; limit?: number }) {
    this.#clock = clock;
    this.#limit = limit;
  }

  get size(): number {
    return this.#until.size;
  }

  claim(id: string, until: number): 'new' | 'seen' | 'full' {
    if (this.#until.has(id)) return 'seen';
    if (this.#until.size >= this.#limit) this.#sweepNow();
    if (this.#until.size >= this.#limit) return 'full';
    this.#until.set(id, until);
    return 'new';
  }

  /** Takes out what is too old to be replayed; at most once a second does it cost anything. */
  #sweepNow(): void {
    if (this.#clock() - this.#sweptAt < SWEEP_EVERY_MS) return;
    this.sweep();
  }

  sweep(): void {
    this.#sweptAt = this.#clock();
    const now = this.#sweptAt / 1000;
    for (const [id, until] of this.#until) if (until < now) this.#until.delete(id);
  }
}
