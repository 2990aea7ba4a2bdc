import { PROOF_WINDOW_SECONDS } from '@sallyport/access-token';
import type { ProofMemory, SeenProofs } from '@sallyport/access-token';
import type { Clock } from '@sallyport/kernel';
import type { SeenProof } from '@sallyport/messages';

/**
 * Proofs accepted within this time travel together; so long, and as long as the bus takes, another replica does not
 * know of one.
 */
const GATHER_MS = 10;
const RETRY_MS = 1_000;
const MAX_BATCH = 2_000;

/**
 * One memory of used proofs for all replicas, without waiting for any of them: what is used here is told to the others
 * right afterwards, and what they tell is remembered here. It is told sealed, as everything between gateways: whoever
 * has a place on the bus and not the gateways' key cannot fill the memory, which would refuse everybody's proofs (S26).
 */
export class ProofGossip implements SeenProofs {
  readonly #memory: ProofMemory;
  readonly #publish: (seen: SeenProof[]) => Promise<void>;
  readonly #clock: Clock;
  readonly #onProblem: (error: unknown) => void;
  #untold: SeenProof[] = [];
  #timer: NodeJS.Timeout | undefined;
  #since = Infinity;

  constructor(parts: {
    memory: ProofMemory;
    publish: (seen: SeenProof[]) => Promise<void>;
    clock: Clock;
    onProblem: (error: unknown) => void;
  }) {
    this.#memory = parts.memory;
    this.#publish = parts.publish;
    this.#clock = parts.clock;
    this.#onProblem = parts.onProblem;
  }

  /** Until it listens no proof is recent enough. */
  get since(): number {
    return this.#since;
  }

  /** From here on nothing another replica tells is missed. */
  listening(): void {
    this.#since = Math.floor(this.#clock() / 1000);
  }

  claim(id: string, until: number): 'new' | 'seen' | 'own' | 'full' {
    const claimed = this.#memory.claim(id, until);
    if (claimed === 'new') {
      this.#untold.push([id, until]);
      this.#tellIn(GATHER_MS);
    }
    return claimed;
  }

  /**
   * What another replica says it saw. What cannot be a proof of now is passed over: no message keeps memory for long.
   */
  heard(seen: readonly SeenProof[]): void {
    const now = this.#clock() / 1000;
    for (const [id, until] of seen)
      if (until >= now && until <= now + 3 * PROOF_WINDOW_SECONDS) this.#memory.heard(id, until);
  }

  sweep(): void {
    this.#memory.sweep();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #tellIn(delayMs: number): void {
    this.#timer ??= setTimeout(() => void this.#tell(), delayMs).unref();
  }

  async #tell(): Promise<void> {
    const now = this.#clock() / 1000;
    this.#untold = this.#untold.filter(([, until]) => until >= now);
    const batch = this.#untold.slice(0, MAX_BATCH);
    let failed = false;
    try {
      if (batch.length > 0) await this.#publish(batch);
      this.#untold.splice(0, batch.length);
    } catch (error) {
      failed = true;
      this.#onProblem(error);
    }
    this.#timer = undefined;
    if (this.#untold.length > 0) this.#tellIn(failed ? RETRY_MS : 0);
  }
}
