import { backOffMs, SallyportError, SingleFlight } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import { BusyAnswer, EndedMcpSessionsPage, McpSessionsEnded } from '@sallyport/messages';

export interface MissedEndsOptions {
  /** Asks the control plane for what follows an order number. The answer is what arrived, unchecked. */
  readonly list: (after: number) => Promise<unknown>;
  readonly learn: (ends: readonly (readonly [id: string, expiresAt: number])[]) => void;
  /** How often the bus was connected to: when that rises, something may have been missed. */
  readonly connections: () => number;
  readonly clock: Clock;
  readonly random: () => number;
  /** Once when asking begins to fail. */
  readonly onFailing?: (error: unknown) => void;
}

/** A broadcast can be lost without a trace, were it the last one. */
const ASK_EVERY_MS = 10_000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;
/** Without an answer for this long, what is known may be too little. */
const WORRYING_MS = 2 * ASK_EVERY_MS;
/** How long a start waits for the first answer. */
const START_MS = 1_000;

/**
 * Keeps up with what was ended at other gateways. What the control plane broadcasts is learned at once; what was
 * missed, at the start, while the bus was away or because a broadcast was lost, is asked for by its order number, page
 * by page.
 */
export class MissedEnds {
  readonly #options: MissedEndsOptions;
  #knownUpTo = 0;
  #caughtUpAt: number | undefined;
  #connections = 0;
  #failures = 0;
  #dueAt = 0;
  readonly #asking = new SingleFlight<'all', void>();

  constructor(options: MissedEndsOptions) {
    this.#options = options;
  }

  /** Whether a session may have ended without this replica knowing of it. */
  get isBehind(): boolean {
    return this.#caughtUpAt === undefined || this.#options.clock() - this.#caughtUpAt > WORRYING_MS;
  }

  /**
   * Resolves when everything is known, or after a second: a gateway whose control plane is away serves all the same.
   */
  async start(): Promise<void> {
    this.#connections = this.#options.connections();
    let patience: NodeJS.Timeout | undefined;
    await Promise.race([this.look(), new Promise<void>((resolve) => (patience = setTimeout(resolve, START_MS)))]);
    clearTimeout(patience);
  }

  heard(payload: unknown): void {
    const message = McpSessionsEnded.safeParse(payload);
    if (!message.success) return;
    const { ends, after, upTo } = message.data;
    this.#options.learn(ends);
    if (after <= this.#knownUpTo) this.#knownUpTo = Math.max(this.#knownUpTo, upTo);
    else if (this.#failures === 0) this.#dueAt = 0;
  }

  /** Asks when it is time to; call it every second. Never rejects. */
  look(): Promise<void> {
    const { clock, connections } = this.#options;
    if (this.#connections !== connections()) {
      this.#connections = connections();
      this.#dueAt = 0;
    }
    if (clock() < this.#dueAt) return Promise.resolve();
    return this.#asking.run('all', () => this.#catchUp());
  }

  async #catchUp(): Promise<void> {
    const { clock, random, onFailing } = this.#options;
    try {
      while (!(await this.#page()));
      this.#failures = 0;
      this.#caughtUpAt = clock();
      this.#dueAt = clock() + ASK_EVERY_MS * (1 - random() / 2);
    } catch (error) {
      if (this.#failures === 0) onFailing?.(error);
      this.#failures += 1;
      this.#dueAt =
        clock() + backOffMs(this.#failures, { firstMs: FIRST_RETRY_MS, mostMs: LONGEST_RETRY_MS, random: random() });
    }
  }

  /** @returns whether it was the last one. */
  async #page(): Promise<boolean> {
    const answer = await this.#options.list(this.#knownUpTo);
    if (BusyAnswer.safeParse(answer).success)
      throw new SallyportError('mcp_sessions_not_told', 'The control plane is too busy to say which sessions ended.');
    const { ends, upTo, isLast } = EndedMcpSessionsPage.parse(answer);
    this.#options.learn(ends);
    // Lower than before when the last ones are forgotten, or the control plane's database went back in time.
    this.#knownUpTo = upTo;
    return isLast || ends.length === 0;
  }
}
