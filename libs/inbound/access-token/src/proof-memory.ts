import { Shares, type Clock } from '@sallyport/kernel';

/** Proofs used before; see RFC 9449 section 11.1. */
export interface SeenProofs {
  /**
   * Proofs from before this moment are refused: nobody here would know whether they were used. Seconds since the epoch.
   */
  readonly since: number;
  /**
   * Marks a proof as used.
   * @param id names key and `jti`; @param until seconds since the epoch: afterwards the proof is too old anyway
   * @returns `new` exactly once per id; `own` and `full` when there is no room to remember it, so it must not be
   *   accepted: for this user or key, which has its share of the room, or for any
   */
  claim(id: string, until: number): 'new' | 'seen' | 'own' | 'full';
}

/**
 * An id is 22 characters of base64url: six that all proofs of a user have in common, six that all of a key have, and
 * ten of the proof. Two that are alike by chance are taken for one, which is to nobody's gain.
 */
export const PROOF_ID = { user: 6, key: 6, proof: 10 } as const;
const userOf = (id: string): string => id.slice(0, PROOF_ID.user);
const keyOf = (id: string): string => id.slice(0, PROOF_ID.user + PROOF_ID.key);

/** One key of a user may hold half of what the user may. */
const PART_OF_A_KEY = 1 / 16;
const SWEEP_EVERY_MS = 1_000;

/**
 * Used proofs of the last minutes, in memory. Never forgets one that could still be replayed: when it is full it says
 * so, and long before to the users and keys it is full of (S32).
 */
export class ProofMemory {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #until = new Map<string, number>();
  readonly #users: Shares;
  readonly #keys: Shares;
  #sweptAt = 0;

  /** @param limit at most this many proofs, about 100 bytes each */
  constructor({ clock, limit = 500_000 }: { clock: Clock; limit?: number }) {
    this.#clock = clock;
    this.#limit = limit;
    this.#users = new Shares(limit);
    this.#keys = new Shares(limit, PART_OF_A_KEY);
  }

  get size(): number {
    return this.#until.size;
  }

  claim(id: string, until: number): 'new' | 'seen' | 'own' | 'full' {
    if (this.#until.has(id)) return 'seen';
    if (this.#refusal(id)) this.#sweepNow();
    const refusal = this.#refusal(id);
    if (refusal) return refusal === 'all' ? 'full' : 'own';
    this.#remember(id, until);
    return 'new';
  }

  /** What was accepted elsewhere is remembered here whoever's it is, as long as there is room at all. */
  heard(id: string, until: number): void {
    if (this.#until.has(id)) return;
    if (this.#until.size >= this.#limit) this.#sweepNow();
    if (this.#until.size < this.#limit) this.#remember(id, until);
  }

  #refusal(id: string): 'own' | 'all' | undefined {
    return this.#users.refusal(userOf(id)) ?? this.#keys.refusal(keyOf(id));
  }

  #remember(id: string, until: number): void {
    this.#until.set(id, until);
    this.#users.take(userOf(id));
    this.#keys.take(keyOf(id));
  }

  /** Takes out what is too old to be replayed; at most once a second does it cost anything. */
  #sweepNow(): void {
    if (this.#clock() - this.#sweptAt < SWEEP_EVERY_MS) return;
    this.sweep();
  }

  sweep(): void {
    this.#sweptAt = this.#clock();
    const now = this.#sweptAt / 1000;
    for (const [id, until] of this.#until) {
      if (until >= now) continue;
      this.#until.delete(id);
      this.#users.giveBack(userOf(id));
      this.#keys.giveBack(keyOf(id));
    }
  }
}
