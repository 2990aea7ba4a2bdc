/** Milliseconds of one turn of the event loop in which requests begin as they come. What comes later waits. */
const SLICE_MS = 3;
/** Requests that waited and begin in one turn, one user after the other. */
const PER_TURN = 4;
/** After a turn this long, in milliseconds, one begins alone: what it does is not short. */
const LONG_TURN_MS = 25;

export interface FairTurnsOptions {
  /** Milliseconds, of a clock that only goes forward. */
  readonly now?: () => number;
  /** Runs its argument in the next turn of the event loop, after what arrived meanwhile was read. */
  readonly nextTurn?: (work: () => void) => void;
}

/**
 * Whose request begins next when the processor is the bottleneck. While a turn of the event loop is short, every request
 * begins at once and nothing is kept. When one user's burst makes it long, requests wait in a queue of their user, and
 * users take turns: somebody else's single call begins after a few of the burst, not after all of it (S32, S34).
 *
 * It refuses nobody: what waits here holds a connection, and of a body what was taken for it, and both are bounded.
 */
export class FairTurns {
  readonly #now: () => number;
  readonly #nextTurn: (work: () => void) => void;
  /** By user, in the order in which they take turns. A user in it has at least one that waits. */
  readonly #waiting = new Map<string, (() => void)[]>();
  /** When the running turn began; `undefined` between turns in which somebody asked. */
  #began: number | undefined;

  constructor({ now = () => performance.now(), nextTurn = (work) => void setImmediate(work) }: FairTurnsOptions = {}) {
    this.#now = now;
    this.#nextTurn = nextTurn;
  }

  /** Users with requests that wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** @returns nothing when the request may begin at once, else what resolves when it is this user's turn. */
  take(userId: string): Promise<void> | undefined {
    if (this.#began === undefined) this.#beginTurn();
    else if (this.#waiting.size > 0 || this.#now() - this.#began >= SLICE_MS) return this.#wait(userId);
    return undefined;
  }

  #wait(userId: string): Promise<void> {
    return new Promise((resolve) => {
      const queue = this.#waiting.get(userId);
      if (queue) queue.push(resolve);
      else this.#waiting.set(userId, [resolve]);
    });
  }

  #beginTurn(): void {
    const began = this.#now();
    this.#began = began;
    this.#nextTurn(() => {
      const most = this.#now() - began > LONG_TURN_MS ? 1 : PER_TURN;
      this.#began = undefined;
      if (this.#waiting.size === 0) return;
      this.#beginTurn();
      let begun = 0;
      for (const [userId, queue] of this.#waiting) {
        if (begun++ === most) break;
        this.#waiting.delete(userId);
        queue.shift()?.();
        if (queue.length > 0) this.#waiting.set(userId, queue); // at the end: whoever else waits comes first
      }
    });
  }
}
