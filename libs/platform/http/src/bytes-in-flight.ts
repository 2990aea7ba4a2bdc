/** The limit that is reached: the owner's own, or the one of all owners together. */
export type BytesRefusal = 'own-limit' | 'all-limit';

/** The bytes that one exchange holds. */
export interface HeldBytes {
  /** Takes more bytes. A refusal changes nothing. */
  take(bytes: number): BytesRefusal | undefined;
  /** Counts bytes that are in memory already, beyond any limit. `take` then refuses until there is room again. */
  charge(bytes: number): void;
  /** Gives some of the bytes back. */
  give(bytes: number): void;
  /** Gives all bytes back. `take` refuses from then on. */
  release(): void;
}

export interface BytesLimits {
  /** Bytes that one owner may hold; without it only `total` counts. */
  readonly perOwner?: number;
  /** Bytes that all owners may hold together. */
  readonly total: number;
}

/**
 * Counts the bytes in memory for each owner, and those about to be (security rule S33). An owner may hold its own
 * limit, and never more than is still free. So there is room for one more owner, however many take all they can.
 * (Dynamic thresholds: Choudhury and Hahne, IEEE/ACM Transactions on Networking 6 (1998) 130.)
 */
export class BytesInFlight {
  readonly #limits: BytesLimits;
  readonly #byOwner = new Map<string, number>();
  readonly #onRefused: (refusal: BytesRefusal) => void;
  #held = 0;

  constructor(limits: BytesLimits, onRefused: (refusal: BytesRefusal) => void = () => undefined) {
    this.#limits = limits;
    this.#onRefused = onRefused;
  }

  /** The bytes that all owners hold. */
  get held(): number {
    return this.#held;
  }

  heldBy(owner: string): number {
    return this.#byOwner.get(owner) ?? 0;
  }

  /** Begins an exchange, which holds no bytes yet. */
  open(owner: string): HeldBytes {
    let mine = 0;
    let isReleased = false;
    return {
      take: (bytes) => {
        const refusal = isReleased ? 'own-limit' : this.#refusalOf(owner, bytes);
        if (refusal === undefined) {
          mine += bytes;
          this.#add(owner, bytes);
        } else this.#onRefused(refusal);
        return refusal;
      },
      charge: (bytes) => {
        if (isReleased) return;
        mine += bytes;
        this.#add(owner, bytes);
      },
      give: (bytes) => {
        const back = Math.min(bytes, mine);
        mine -= back;
        this.#add(owner, -back);
      },
      release: () => {
        isReleased = true;
        this.#add(owner, -mine);
        mine = 0;
      },
    };
  }

  #refusalOf(owner: string, bytes: number): BytesRefusal | undefined {
    const { perOwner = Infinity, total } = this.#limits;
    const wanted = this.heldBy(owner) + bytes;
    if (wanted > perOwner) return 'own-limit';
    return wanted > total - this.#held ? 'all-limit' : undefined;
  }

  #add(owner: string, bytes: number): void {
    if (bytes === 0) return;
    this.#held += bytes;
    const left = this.heldBy(owner) + bytes;
    if (left > 0) this.#byOwner.set(owner, left);
    else this.#byOwner.delete(owner);
  }
}
