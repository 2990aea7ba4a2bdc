/** Who is at the limit: the owner itself, or all together. */
export type BytesRefusal = 'own-limit' | 'all-limit';

/** What is held for one exchange. */
export interface HeldBytes {
  /** Takes that many more; what is refused changes nothing. */
  take(bytes: number): BytesRefusal | undefined;
  /** Takes what is there already, over any limit: then others are refused until there is room again. */
  charge(bytes: number): void;
  /** Gives part of it back. */
  give(bytes: number): void;
  /** Gives everything back; nothing can be taken any more. */
  release(): void;
}

export interface BytesLimits {
  /** Bytes of one owner; `total` alone counts unless said. */
  readonly perOwner?: number;
  readonly total: number;
}

/**
 * Bytes that are in memory, or are about to be, for whom (security rule S33). One owner may hold at most its own limit,
 * and never more than is free: so however many owners take what they can, there is room left for the next one. (Dynamic
 * thresholds: Choudhury and Hahne, IEEE/ACM Transactions on Networking 6 (1998) 130.)
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

  /** Of all owners. */
  get held(): number {
    return this.#held;
  }

  heldBy(owner: string): number {
    return this.#byOwner.get(owner) ?? 0;
  }

  /** Nothing is taken yet. */
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
