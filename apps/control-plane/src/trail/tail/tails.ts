import type { Readable } from 'node:stream';
import type { EventFilter } from '@sallyport/admin-api/events';
import { RequestRefused } from '@sallyport/http';
import type { Clock } from '@sallyport/kernel';
import type { PostgresEventStore } from '../event-store.js';
import { streamOf } from '../stream-of.js';
import { NewestEvents } from './newest-events.js';
import { tailEvents, type Standing } from './tail-events.js';

export interface TailsParts {
  readonly store: Pick<PostgresEventStore, 'newest' | 'page'>;
  readonly clock: Clock;
  readonly onProblem: (error: unknown) => void;
}

export interface Reader {
  /** Whoever it is: tails are counted by it. */
  readonly id: string;
  readonly standing: () => Promise<Standing>;
}

/** One administrator's, and all of one control plane. */
const MOST_OF_ONE = 8;
const MOST_IN_ALL = 64;
/** Events of one page that is read for a reader who fell behind. */
const PAGE = 100;

/** Who follows the trail here, within bounds: as many as there may be, and no more memory for one that reads slowly. */
export class Tails {
  readonly #parts: TailsParts;
  readonly #newest: NewestEvents;
  readonly #stopping = new AbortController();
  readonly #open = new Map<string, number>();
  /** Those who fell behind are read for one after the other: the connections are everybody's. */
  #catchingUp: Promise<unknown> = Promise.resolve();

  constructor(parts: TailsParts) {
    this.#parts = parts;
    this.#newest = new NewestEvents(parts);
  }

  /**
   * Opens a tail.
   * @param after the last event the reader has; `undefined` begins with what comes next
   * @throws {RequestRefused} 429: there are as many as may be
   */
  async open(filter: EventFilter, after: bigint | undefined, { id, standing }: Reader): Promise<Readable> {
    const leave = this.#enter(id);
    const watched = await this.#newest.watch().catch((error: unknown) => {
      leave();
      throw error;
    });
    const gone = new AbortController();
    const tail = tailEvents(filter, after ?? this.#newest.last, {
      newest: this.#newest,
      catchUp: (asked, from, upTo) => this.#catchUp(asked, from, upTo),
      standing,
      clock: this.#parts.clock,
      gone: gone.signal,
      stopping: this.#stopping.signal,
    });
    return streamOf(tail, () => {
      gone.abort();
      watched();
      leave();
    });
  }

  /** Ends all tails; their readers are told. */
  stop(): void {
    this.#stopping.abort();
  }

  #enter(id: string): () => void {
    const [own, all] = [this.#open.get(id) ?? 0, [...this.#open.values()].reduce((sum, count) => sum + count, 0)];
    if (own >= MOST_OF_ONE || all >= MOST_IN_ALL)
      throw new RequestRefused({
        status: 429,
        name: 'too-many-tails',
        detail:
          own >= MOST_OF_ONE
            ? `You follow the trail ${own} times at once, which is the most one may.`
            : `The trail is followed ${all} times at this control plane, which is the most there may be.`,
      });
    this.#open.set(id, own + 1);
    return () => {
      const left = (this.#open.get(id) ?? 1) - 1;
      if (left > 0) this.#open.set(id, left);
      else this.#open.delete(id);
    };
  }

  #catchUp(filter: EventFilter, after: bigint, upTo: bigint) {
    const page = this.#catchingUp.then(() => this.#parts.store.page(filter, { after, upTo, most: PAGE }));
    this.#catchingUp = page.catch(() => undefined);
    return page;
  }
}
