/** Milliseconds of a turn of the event loop in which requests begin when they arrive. Later ones wait. */
const SLICE_MS = 3;
/** The most waiting requests that begin in one turn. */
const PER_TURN = 4;
/** After a turn of this many milliseconds only one request begins in the next: the work of this one was not short. */
const LONG_TURN_MS = 25;
/** How many requests begin before one of the group behind them, so that no group starves. */
const MOST_AHEAD = 3;
/** A line is present for this many milliseconds after its last request. */
const PRESENT_MS = 1_000;
/** The longest pause of the crowd, in milliseconds. */
const MAX_PAUSE_MS = 100;

/**
 * How soon a request should begin. `prompt`: a user waits for it. `patient`: it may wait longer than others.
 * `unknown`: nothing proves who sent it.
 */
export type Urgency = 'prompt' | 'patient' | 'unknown';

export interface FairTurnsOptions {
  /** Milliseconds of a monotonic clock. */
  readonly now?: () => number;
  /** Runs its argument in the next turn of the event loop, after Node has read what arrived meanwhile. */
  readonly nextTurn?: (work: () => void) => void;
  /** Runs its argument after this many milliseconds. */
  readonly after?: (work: () => void, milliseconds: number) => void;
}

/**
 * Decides which request begins next when the processor is the bottleneck. Requests wait in lines, one line a user or
 * address. While a turn of the event loop is short, every request begins at once. When a burst makes it long, requests
 * wait, and the lines take turns: another user's single call begins after a few of the burst, not after all (S32, S34).
 *
 * A waiting request is in one of three groups. A _single_ is the only one of its line. The _crowd_ is the lines with
 * several waiting requests, and every patient request. The _strangers_ are the requests of unknown senders; they come
 * after the crowd, however many lines they use. While another line is present, only one request of the crowd or the
 * strangers begins in a turn, and then both pause for as long as that turn took. So the work that others have under
 * way meets short turns, here and in the processes it needs.
 *
 * Nobody is refused here. A waiting request holds its connection and the room for its body, and both are bounded.
 */
export class FairTurns {
  readonly #now: () => number;
  readonly #nextTurn: (work: () => void) => void;
  readonly #after: (work: () => void, milliseconds: number) => void;
  /** The singles by line, in the order in which they arrived. */
  readonly #singles = new Map<string, () => void>();
  readonly #crowd = new Lines();
  readonly #strangers = new Lines();
  readonly #present = new LastSeen();
  /** When the running turn began; undefined while no turn is watched. */
  #began: number | undefined;
  /** How many singles have begun since the last request of the crowd or the strangers. */
  #ahead = 0;
  /** How many requests of the crowd have begun since the last one of the strangers. */
  #aheadOfStrangers = 0;
  /** Whether a request of the crowd or the strangers began in this turn while another line was present. */
  #hasCrowded = false;
  /** The end of the crowd's pause. */
  #crowdFrom = 0;
  #isPausing = false;

  constructor({
    now = () => performance.now(),
    nextTurn = (work) => void setImmediate(work),
    after = (work, milliseconds) => void setTimeout(work, milliseconds),
  }: FairTurnsOptions = {}) {
    this.#now = now;
    this.#nextTurn = nextTurn;
    this.#after = after;
  }

  /** The number of lines with a waiting request. */
  get waiting(): number {
    return this.#singles.size + this.#crowds;
  }

  get #crowds(): number {
    return this.#crowd.size + this.#strangers.size;
  }

  /**
   * Asks for a turn.
   * @param line the user or the address that sent the request
   * @returns undefined when the request may begin at once, else a promise that resolves when its turn comes
   */
  take(line: string, urgency: Urgency = 'prompt'): Promise<void> | undefined {
    const now = this.#now();
    const isStranger = urgency === 'unknown';
    const first = isStranger ? undefined : this.#singles.get(line);
    const isOfCrowd = urgency !== 'prompt' || first !== undefined || this.#crowd.has(line);
    if (!isOfCrowd) this.#present.note(line, now);
    const isBehind =
      this.#singles.size > 0 || (isOfCrowd && this.#crowd.size > 0) || (isStranger && this.#strangers.size > 0);
    const isLate = this.#began !== undefined && now - this.#began >= SLICE_MS;
    if (this.#began === undefined) this.#beginTurn(now);
    if (!isBehind && !isLate) return undefined;
    return new Promise((begin) => {
      if (isStranger) this.#strangers.add(line, begin);
      else if (!isOfCrowd) this.#singles.set(line, begin);
      else {
        this.#singles.delete(line);
        if (first !== undefined) this.#crowd.add(line, first);
        this.#crowd.add(line, begin);
      }
    });
  }

  #beginTurn(began: number): void {
    this.#began = began;
    this.#nextTurn(() => this.#endTurn(began));
  }

  #endTurn(began: number): void {
    const now = this.#now();
    const took = now - began;
    this.#began = undefined;
    if (this.#hasCrowded) this.#crowdFrom = now + Math.min(took, MAX_PAUSE_MS);
    this.#hasCrowded = false;
    const mayCrowd = now >= this.#crowdFrom;
    if (this.#singles.size === 0 && !mayCrowd && this.#crowds > 0) return this.#pause(this.#crowdFrom - now);
    if (this.waiting === 0) return;
    this.#beginTurn(now);
    const most = took > LONG_TURN_MS ? 1 : PER_TURN;
    for (let begun = 0; begun < most; begun++) {
      const isCrowdNext = mayCrowd && this.#crowds > 0 && !this.#hasCrowded; // one a turn while another line is present
      if (this.#singles.size === 0 && !isCrowdNext) return;
      this.#beginOne(isCrowdNext, now);
    }
  }

  /** Lets the crowd and the strangers wait. Singles still begin when they arrive. */
  #pause(milliseconds: number): void {
    if (this.#isPausing) return;
    this.#isPausing = true;
    this.#after(() => {
      this.#isPausing = false;
      if (this.#began === undefined) this.#beginTurn(this.#now());
    }, milliseconds);
  }

  #beginOne(mayCrowd: boolean, now: number): void {
    const isOfCrowd = mayCrowd && (this.#singles.size === 0 || this.#ahead === MOST_AHEAD);
    this.#ahead = isOfCrowd ? 0 : Math.min(this.#ahead + 1, MOST_AHEAD);
    if (isOfCrowd) this.#beginOfCrowd(now);
    else
      for (const [line, begin] of this.#singles) {
        this.#singles.delete(line);
        return begin();
      }
  }

  #beginOfCrowd(now: number): void {
    const isStranger = this.#strangers.size > 0 && (this.#crowd.size === 0 || this.#aheadOfStrangers === MOST_AHEAD);
    this.#aheadOfStrangers = isStranger ? 0 : Math.min(this.#aheadOfStrangers + 1, MOST_AHEAD);
    const line = (isStranger ? this.#strangers : this.#crowd).beginNext();
    this.#hasCrowded ||= line !== undefined && this.#present.isAnyoneBut(line, now);
  }
}

/** Lines that take turns (round robin). */
class Lines {
  /** In the order of their turns. Every line here has at least one waiting request. */
  readonly #waiting = new Map<string, (() => void)[]>();

  get size(): number {
    return this.#waiting.size;
  }

  has(line: string): boolean {
    return this.#waiting.has(line);
  }

  add(line: string, begin: () => void): void {
    const queue = this.#waiting.get(line);
    if (queue) queue.push(begin);
    else this.#waiting.set(line, [begin]);
  }

  /** Begins one request of the line whose turn it is. @returns that line */
  beginNext(): string | undefined {
    for (const [line, queue] of this.#waiting) {
      this.#waiting.delete(line);
      queue.shift()?.();
      if (queue.length > 0) this.#waiting.set(line, queue); // at the end, behind the other lines
      return line;
    }
    return undefined;
  }
}

/** The two lines that asked last. */
class LastSeen {
  #last = { line: '', at: -Infinity };
  #other = { line: '', at: -Infinity };

  note(line: string, at: number): void {
    if (this.#last.line !== line) this.#other = this.#last;
    this.#last = { line, at };
  }

  isAnyoneBut(line: string, now: number): boolean {
    const { at } = this.#last.line === line ? this.#other : this.#last;
    return now - at < PRESENT_MS;
  }
}
