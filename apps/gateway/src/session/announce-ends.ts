import { backOffMs, BoundedMap } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import { BusyAnswer, EndMcpSessionsAnswer, MAX_ENDS } from '@sallyport/messages';
import type { EndMcpSessions } from '@sallyport/messages';

export type SessionEnd = EndMcpSessions['ends'][number];
/** `full`: too many ends of this user's are kept already; not before `retryAfterSeconds` is there room. */
export type EndOutcome =
  | { readonly outcome: 'ended' }
  | { readonly outcome: 'full'; readonly retryAfterSeconds: number };

export interface EndAnnouncementsOptions {
  /** Tells the control plane, which tells every replica. The answer is what arrived, unchecked. */
  readonly announce: (ends: readonly SessionEnd[]) => Promise<unknown>;
  readonly clock: Clock;
  readonly random: () => number;
  /** Once when telling begins to fail. */
  readonly onFailing?: (error: unknown) => void;
  /** Once when it works again. */
  readonly onRecovered?: () => void;
  /** Ends that were told too late to refuse them, and are kept by nobody but this replica. */
  readonly onNotKept?: (count: number) => void;
}

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;
/** Ends that are not told yet, for one user and altogether. Beyond half of it only users with few are taken (S32). */
const MOST_UNTOLD = 20_000;
const UNTOLD_PER_USER = 1_000;
const UNTOLD_PER_USER_BEYOND = 20;
/** For this long a user of whom no more is kept is not asked about again. Seconds. */
const FULL_SECONDS = 60;
const LATER_SECONDS = 30;
const ENDED: EndOutcome = { outcome: 'ended' };

interface Untold {
  readonly end: SessionEnd;
  /** Set while somebody waits for what becomes of it. */
  settle: ((outcome: EndOutcome) => void) | undefined;
}

/**
 * Tells the control plane which sessions ended here: one request at a time for all that are not told yet, and after a
 * failure one timer for all, later each time (S34). Whoever ends a session while it fails does not wait.
 */
export class EndAnnouncements {
  readonly #options: EndAnnouncementsOptions;
  readonly #untold = new Map<string, Untold>();
  readonly #untoldOf = new Map<string, number>();
  /** Seconds since the epoch. */
  readonly #full = new BoundedMap<string, { readonly until: number; readonly askAgainAt: number }>(10_000);
  #failures = 0;
  #telling = false;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: EndAnnouncementsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#untold.size;
  }

  get failing(): boolean {
    return this.#failures > 0;
  }

  /** Resolves when the control plane keeps it, or at once when that can only be later. */
  async tell(end: SessionEnd): Promise<EndOutcome> {
    const now = this.#nowSeconds();
    const full = this.#full.get(end.userId);
    if (full !== undefined && full.askAgainAt > now)
      return { outcome: 'full', retryAfterSeconds: Math.max(1, full.until - now) };
    const share = this.#untold.size >= MOST_UNTOLD / 2 ? UNTOLD_PER_USER_BEYOND : UNTOLD_PER_USER;
    const ofUser = this.#untoldOf.get(end.userId) ?? 0;
    if (ofUser >= share || this.#untold.size >= MOST_UNTOLD)
      return { outcome: 'full', retryAfterSeconds: LATER_SECONDS };
    const untold: Untold = { end, settle: undefined };
    this.#untold.set(end.id, untold);
    this.#untoldOf.set(end.userId, ofUser + 1);
    if (this.failing) return ENDED;
    return await new Promise((resolve) => {
      untold.settle = resolve;
      void this.#work();
    });
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    for (const untold of this.#untold.values()) untold.settle?.(ENDED);
  }

  async #work(): Promise<void> {
    if (this.#telling || this.#timer !== undefined) return;
    this.#telling = true;
    await Promise.resolve(); // what ends in one go travels together
    for (let pauseMs = 0; pauseMs === 0 && this.#untold.size > 0 && !this.#stopped;) {
      pauseMs = await this.#round();
      if (pauseMs > 0 && !this.#stopped) {
        this.#timer = setTimeout(() => {
          this.#timer = undefined;
          void this.#work();
        }, pauseMs).unref();
      }
    }
    this.#telling = false;
  }

  /** @returns for how long nothing is to be told, in milliseconds. */
  async #round(): Promise<number> {
    const now = this.#nowSeconds();
    for (const untold of this.#untold.values()) if (untold.end.expiresAt <= now) this.#take(untold, ENDED);
    const batch = [...this.#untold.values()].slice(0, MAX_ENDS);
    if (batch.length === 0) return 0;
    try {
      const answer = await this.#options.announce(batch.map(({ end }) => end));
      const busy = BusyAnswer.safeParse(answer);
      if (busy.success) return this.#failed(undefined, busy.data.busy.retryAfterMs);
      this.#told(batch, EndMcpSessionsAnswer.parse(answer));
      return 0;
    } catch (error) {
      return this.#failed(error, 0);
    }
  }

  #told(batch: readonly Untold[], { full }: EndMcpSessionsAnswer): void {
    if (this.failing) this.#options.onRecovered?.();
    this.#failures = 0;
    const now = this.#nowSeconds();
    const fullUntil = new Map(full.map(({ id, until }) => [id, until]));
    let notKept = 0;
    for (const untold of batch) {
      const until = fullUntil.get(untold.end.id);
      if (until !== undefined) {
        this.#full.set(untold.end.userId, { until, askAgainAt: Math.min(until, now + FULL_SECONDS) });
        if (untold.settle === undefined) notKept += 1;
      }
      this.#take(
        untold,
        until === undefined ? ENDED : { outcome: 'full', retryAfterSeconds: Math.max(1, until - now) },
      );
    }
    if (notKept > 0) this.#options.onNotKept?.(notKept);
  }

  #failed(error: unknown, retryAfterMs: number): number {
    if (!this.failing) this.#options.onFailing?.(error);
    this.#failures += 1;
    for (const untold of this.#untold.values()) {
      untold.settle?.(ENDED);
      untold.settle = undefined;
    }
    return Math.max(
      retryAfterMs,
      backOffMs(this.#failures, { firstMs: FIRST_RETRY_MS, mostMs: LONGEST_RETRY_MS, random: this.#options.random() }),
    );
  }

  #take({ end, settle }: Untold, outcome: EndOutcome): void {
    this.#untold.delete(end.id);
    const left = (this.#untoldOf.get(end.userId) ?? 1) - 1;
    if (left > 0) this.#untoldOf.set(end.userId, left);
    else this.#untoldOf.delete(end.userId);
    settle?.(outcome);
  }

  #nowSeconds(): number {
    return Math.floor(this.#options.clock() / 1000);
  }
}
