import type { Clock } from '@sallyport/kernel';
import type { BoundCounter, Logger, Metrics } from '@sallyport/telemetry';

/** Why a listener turned somebody away. */
export type TurnedAway =
  | 'connections'
  | 'connections-of-one-address'
  | 'pipelined-requests'
  | 'headers'
  | 'unparsed'
  | 'slow-request'
  | 'slow-reader'
  | 'bytes-of-one'
  | 'bytes-in-all';

/** These say that there is too much altogether; the others are about the one who sent. */
const WORRIES: Partial<Record<TurnedAway, string>> = {
  connections: 'connections are refused: too many are open',
  'bytes-in-all': 'requests are refused: the room for bytes in flight is used up',
};
/** Without another refusal it is over after this. */
const QUIET_MS = 10_000;

export interface ListenerWatchOptions {
  readonly name: string;
  readonly logger: Logger;
  readonly metrics?: Metrics | undefined;
  readonly clock: Clock;
}

/** Tells operators whom a listener turns away: each in a metric, the beginning and the end of it in the log, and what concerns everybody in readiness. */
export class ListenerWatch {
  readonly #options: ListenerWatchOptions;
  readonly #counters = new Map<TurnedAway, BoundCounter>();
  /** Milliseconds since the epoch of the last one, and how many since it began. */
  readonly #current = new Map<TurnedAway, { last: number; count: number }>();

  constructor(options: ListenerWatchOptions) {
    this.#options = options;
  }

  turnedAway(why: TurnedAway): void {
    const { clock, logger, name } = this.#options;
    this.#counterOf(why)?.add();
    const current = this.#current.get(why);
    this.#current.set(why, { last: clock(), count: (current?.count ?? 0) + 1 });
    if (current === undefined) logger.warn({ listener: name, reason: why }, 'requests are turned away');
  }

  /** To be called now and then: notices what is over. */
  sweep(): void {
    const { clock, logger, name } = this.#options;
    for (const [why, { last, count }] of this.#current) {
      if (clock() - last < QUIET_MS) continue;
      this.#current.delete(why);
      logger.info({ listener: name, reason: why, count }, 'requests are no longer turned away');
    }
  }

  /** For readiness: what everybody feels just now. */
  worries(): readonly string[] {
    return [...this.#current.keys()].flatMap((why) => WORRIES[why] ?? []);
  }

  #counterOf(why: TurnedAway): BoundCounter | undefined {
    const { metrics, name } = this.#options;
    let counter = this.#counters.get(why);
    if (counter === undefined && metrics !== undefined) {
      counter = metrics
        .counter('sallyport.http.turned_away', 'Requests and connections a listener turned away, by reason.')
        .bind({ listener: name, reason: why });
      this.#counters.set(why, counter);
    }
    return counter;
  }
}
