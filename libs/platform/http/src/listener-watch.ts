import type { Clock } from '@sallyport/kernel';
import type { BoundCounter, Counter, Logger, Metrics } from '@sallyport/telemetry';

/** Why a listener turned a connection or a request away. */
export type TurnedAway =
  | 'connections'
  | 'connections-of-one-address'
  | 'pipelined-requests'
  | 'headers'
  | 'unparsed'
  | 'handshake'
  | 'slow-request'
  | 'slow-reader'
  | 'bytes-of-one'
  | 'bytes-in-all';

/** The reasons that concern every client, in words for readiness. The other reasons concern one client only. */
const WORRIES: Partial<Record<TurnedAway, string>> = {
  connections: 'connections are refused: too many are open',
  'bytes-in-all': 'requests are refused: the room for bytes in flight is used up',
};
/** Milliseconds without another refusal, after which the log says that it is over. */
const QUIET_MS = 10_000;

export interface ListenerWatchOptions {
  readonly name: string;
  readonly logger: Logger;
  readonly metrics?: Metrics | undefined;
  readonly clock: Clock;
}

/**
 * Tells operators what a listener turns away. A metric counts each case, the log has the beginning and the end of a
 * series, and readiness has the reasons that concern every client.
 */
export class ListenerWatch {
  readonly #options: ListenerWatchOptions;
  readonly #turnedAway: Counter | undefined;
  readonly #counters = new Map<TurnedAway, BoundCounter>();
  /** The series that are not over: when the last case was (milliseconds since the epoch), and how many there were. */
  readonly #current = new Map<TurnedAway, { last: number; count: number }>();

  constructor(options: ListenerWatchOptions) {
    this.#options = options;
    this.#turnedAway = options.metrics?.counter(
      'sallyport.http.turned_away',
      'Requests and connections a listener turned away, by reason.',
    );
  }

  turnedAway(why: TurnedAway): void {
    const { clock, logger, name } = this.#options;
    this.#counterOf(why)?.add();
    const current = this.#current.get(why);
    this.#current.set(why, { last: clock(), count: (current?.count ?? 0) + 1 });
    if (current === undefined) logger.warn({ listener: name, reason: why }, 'requests are turned away');
  }

  /** Logs the series that are over. The listener calls it at every check. */
  sweep(): void {
    const { clock, logger, name } = this.#options;
    for (const [why, { last, count }] of this.#current) {
      if (clock() - last < QUIET_MS) continue;
      this.#current.delete(why);
      logger.info({ listener: name, reason: why, count }, 'requests are no longer turned away');
    }
  }

  /** The reasons why this listener is degraded just now, for readiness. */
  worries(): readonly string[] {
    return [...this.#current.keys()].flatMap((why) => WORRIES[why] ?? []);
  }

  #counterOf(why: TurnedAway): BoundCounter | undefined {
    let counter = this.#counters.get(why);
    if (counter === undefined && this.#turnedAway !== undefined) {
      counter = this.#turnedAway.bind({ listener: this.#options.name, reason: why });
      this.#counters.set(why, counter);
    }
    return counter;
  }
}
