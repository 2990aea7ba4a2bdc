import type { Clock } from '@sallyport/kernel';
import { Asker, BusyAnswer, Waiting } from '@sallyport/messages';

export interface AdmissionOptions {
  /** Answered at a time, altogether and for one asker. */
  readonly running: number;
  readonly runningPerAsker: number;
  /** Requests that wait for their turn. */
  readonly waiting: number;
  readonly clock: Clock;
  readonly random: () => number;
  /** Told when the first request is turned away, and with how many once none was for a while. */
  readonly onShedding?: (state: {
    readonly shedding: boolean;
    readonly refused: number;
    readonly dropped: number;
  }) => void;
}

interface Waiter {
  /** Milliseconds since the epoch after which nobody waits for the answer. */
  readonly until: number;
  readonly start: () => void;
  readonly turnAway: () => void;
}

interface Line {
  running: number;
  readonly waiters: Waiter[];
}

/** How long whoever is turned away stays away: spread, so that they do not come back together. */
const RETRY_MS = 1_000;
/** How long an asker waits that does not say. */
const DEFAULT_WAIT_MS = 5_000;
const CALM_MS = 5_000;

/**
 * Lets requests of one kind in. At most `running` are answered at a time; the others wait, one line per asker, and the
 * lines take turns, so that one user's storm costs that user. When there is no room to wait, the longest line gives up
 * its last: a full queue refuses whom it is full of. What nobody waits for any more is dropped and not done.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #lines = new Map<string, Line>();
  /** Those whose first waiter may be next, in turn. */
  readonly #ready = new Map<string, Line>();
  #running = 0;
  #waiting = 0;
  #refused = 0;
  #dropped = 0;
  #watch: NodeJS.Timeout | undefined;
  #shedAt = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /**
   * @param payload as it arrived: how long it is waited for, and whose work it is, as far as it says so.
   * @returns what `work` did, or that there is too much to do; then `work` was not begun.
   */
  async admit<T>(payload: unknown, work: () => Promise<T>): Promise<T | BusyAnswer> {
    const asker = Asker.safeParse(payload).data?.asker ?? '';
    const line = this.#lines.get(asker) ?? { running: 0, waiters: [] };
    this.#lines.set(asker, line);
    if (
      this.#running >= this.#options.running ||
      line.running >= this.#options.runningPerAsker ||
      line.waiters.length > 0
    ) {
      const until = this.#options.clock() + (Waiting.safeParse(payload).data?.waitsMs ?? DEFAULT_WAIT_MS);
      if (!(await this.#turn(asker, line, until))) {
        this.#forgetIdle(asker, line);
        return this.#busy();
      }
    } else {
      this.#begin(line);
    }
    try {
      return await work();
    } finally {
      this.#end(asker, line);
    }
  }

  stop(): void {
    clearInterval(this.#watch);
  }

  #turn(asker: string, line: Line, until: number): Promise<boolean> {
    if (this.#waiting >= this.#options.waiting) this.#dropUnwanted();
    if (this.#waiting >= this.#options.waiting && !this.#makeRoomFor(line)) {
      this.#shed('refused');
      return Promise.resolve(false);
    }
    return new Promise((resolve) => {
      line.waiters.push({ until, start: () => resolve(true), turnAway: () => resolve(false) });
      this.#waiting += 1;
      this.#offer(asker, line);
    });
  }

  /** The longest line gives up its last, unless it is no longer than this one. */
  #makeRoomFor(line: Line): boolean {
    let longest = line;
    for (const other of this.#lines.values())
      if (other.waiters.length > longest.waiters.length + (longest === line ? 1 : 0)) longest = other;
    if (longest === line) return false;
    longest.waiters.pop()?.turnAway();
    this.#waiting -= 1;
    this.#shed('refused');
    return true;
  }

  #dropUnwanted(): void {
    const now = this.#options.clock();
    for (const line of this.#lines.values())
      while (line.waiters[0] !== undefined && line.waiters[0].until <= now) this.#drop(line);
  }

  #drop(line: Line): void {
    line.waiters.shift()?.turnAway();
    this.#waiting -= 1;
    this.#shed('dropped');
  }

  #offer(asker: string, line: Line): void {
    if (line.waiters.length > 0 && line.running < this.#options.runningPerAsker) this.#ready.set(asker, line);
    else this.#ready.delete(asker);
  }

  #begin(line: Line): void {
    line.running += 1;
    this.#running += 1;
  }

  #end(asker: string, line: Line): void {
    line.running -= 1;
    this.#running -= 1;
    this.#offer(asker, line);
    this.#next();
    this.#forgetIdle(asker, line);
  }

  /** The next of the lines in turn; who was served goes to the end. */
  #next(): void {
    while (this.#running < this.#options.running) {
      const turn = this.#ready.entries().next();
      if (turn.done === true) return;
      const [asker, line] = turn.value;
      this.#ready.delete(asker);
      while (line.waiters[0] !== undefined && line.waiters[0].until <= this.#options.clock()) this.#drop(line);
      const waiter = line.waiters.shift();
      if (waiter !== undefined) {
        this.#waiting -= 1;
        this.#begin(line);
        waiter.start();
      }
      this.#offer(asker, line);
      this.#forgetIdle(asker, line);
    }
  }

  #forgetIdle(asker: string, line: Line): void {
    if (line.running === 0 && line.waiters.length === 0 && this.#lines.get(asker) === line) this.#lines.delete(asker);
  }

  #busy(): BusyAnswer {
    return { busy: { retryAfterMs: Math.round(RETRY_MS * (1 + this.#options.random())) } };
  }

  #shed(what: 'refused' | 'dropped'): void {
    if (what === 'refused') this.#refused += 1;
    else this.#dropped += 1;
    this.#shedAt = this.#options.clock();
    if (this.#watch !== undefined) return;
    this.#options.onShedding?.({ shedding: true, refused: this.#refused, dropped: this.#dropped });
    this.#watch = setInterval(() => this.#calm(), CALM_MS).unref();
  }

  #calm(): void {
    if (this.#options.clock() - this.#shedAt < CALM_MS) return;
    clearInterval(this.#watch);
    this.#watch = undefined;
    this.#options.onShedding?.({ shedding: false, refused: this.#refused, dropped: this.#dropped });
    this.#refused = this.#dropped = 0;
  }
}
