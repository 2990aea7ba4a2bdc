import { Shares } from '@sallyport/kernel';

/** Who asks: one of our own processes, and the user it asks for. */
export interface NonceOwner {
  readonly replica: string;
  readonly userId: string;
}

/** Remembers each nonce for as long as its request would be accepted. */
export interface SeenNonces {
  /** `full`: there is no room for one more of this replica or user. Times in milliseconds. */
  remember(nonce: string, owner: NonceOwner, now: number, forgetAt: number): 'new' | 'seen' | 'full';
}

/** One replica alone may hold four fifths, several less each; what it holds is for many users. */
const PART_OF_A_REPLICA = 4;

/**
 * A bounded memory of nonces. When it is full it refuses, and forgets nothing: first it refuses the users that hold
 * most of it, then the replicas (security rule S32).
 */
export class MemorySeenNonces implements SeenNonces {
  readonly #seen = new Map<string, { readonly forgetAt: number; readonly owner: NonceOwner }>();
  readonly #replicas: Shares;
  readonly #users: Shares;

  constructor(limit = 300_000) {
    this.#replicas = new Shares(limit, PART_OF_A_REPLICA);
    this.#users = new Shares(limit);
  }

  remember(nonce: string, owner: NonceOwner, now: number, forgetAt: number): 'new' | 'seen' | 'full' {
    this.#forget(now);
    const key = `${owner.replica} ${nonce}`;
    if (this.#seen.has(key)) return 'seen';
    if (this.#replicas.refusal(owner.replica) || this.#users.refusal(owner.userId)) return 'full';
    this.#seen.set(key, { forgetAt, owner });
    this.#replicas.take(owner.replica);
    this.#users.take(owner.userId);
    return 'new';
  }

  /** Insertion order is nearly expiry order: all are kept for about the same time. */
  #forget(now: number): void {
    for (const [key, { forgetAt, owner }] of this.#seen) {
      if (forgetAt > now) break;
      this.#seen.delete(key);
      this.#replicas.giveBack(owner.replica);
      this.#users.giveBack(owner.userId);
    }
  }
}
