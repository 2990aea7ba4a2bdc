import type { AuditEvent } from '@sallyport/audit';
import type { EventPage, PostgresEventStore } from '../event-store.js';

/** An event of the window, with its text made once for all who watch. */
export interface WatchedEvent {
  readonly sequence: bigint;
  readonly event: AuditEvent;
  /** JSON, with its sequence. */
  readonly text: string;
}

export interface NewestEventsParts {
  readonly store: Pick<PostgresEventStore, 'newest' | 'page'>;
  readonly onProblem: (error: unknown) => void;
  readonly everyMs?: number;
  /** Events of the window, and characters of them. */
  readonly most?: number;
  readonly mostCharacters?: number;
}

const EVERY_MS = 500;
const AT_ONCE = 100;
const MOST = 5_000;
const MOST_CHARACTERS = 8 * 1024 * 1024;

/**
 * The newest events of the trail, in a window of bounded size: PostgreSQL is asked once for all who watch, and not at
 * all while nobody does. Sequences commit in order, so that reading on from the last one passes over nothing, whichever
 * control plane stored it.
 */
export class NewestEvents {
  readonly #parts: Required<NewestEventsParts>;
  readonly #waiting = new Set<() => void>();
  #events: WatchedEvent[] = [];
  #characters = 0;
  /** The window has whatever came after `#from`, up to `#last`. */
  #from = 0n;
  #last = 0n;
  #watchers = 0;
  #begun: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: NewestEventsParts) {
    this.#parts = { everyMs: EVERY_MS, most: MOST, mostCharacters: MOST_CHARACTERS, ...parts };
  }

  /** The sequence that the window goes up to. */
  get last(): bigint {
    return this.#last;
  }

  /** Keeps the window up to date until what it returns is called. @throws what the store throws at the first look */
  async watch(): Promise<() => void> {
    this.#watchers += 1;
    this.#begun ??= this.#begin();
    const end = () => {
      this.#watchers -= 1;
      if (this.#watchers === 0) this.#end();
    };
    try {
      await this.#begun;
    } catch (error) {
      end();
      throw error;
    }
    return end;
  }

  /** What came after that sequence; `undefined`: the window does not go back as far. */
  after(sequence: bigint): readonly WatchedEvent[] | undefined {
    if (sequence < this.#from) return undefined;
    const first = this.#events.findIndex((event) => event.sequence > sequence);
    return first === -1 ? [] : this.#events.slice(first);
  }

  /** Until something comes, or the signal is aborted. */
  whenMore(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener('abort', done);
    });
  }

  async #begin(): Promise<void> {
    this.#last = await this.#parts.store.newest();
    this.#from = this.#last;
    this.#later(this.#begun);
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#begun = undefined;
    this.#events = [];
    this.#characters = 0;
  }

  #later(of: Promise<void> | undefined): void {
    this.#timer = setTimeout(() => void this.#look(of), this.#parts.everyMs).unref();
  }

  /** @param of the time of watching it belongs to: a look that comes back later is of no use */
  async #look(of: Promise<void> | undefined): Promise<void> {
    try {
      const { store } = this.#parts;
      const upTo = await store.newest();
      while (this.#begun === of && this.#last < upTo) {
        const page = await store.page({}, { after: this.#last, upTo, most: AT_ONCE });
        if (this.#begun === of) this.#keep(page);
      }
    } catch (error) {
      this.#parts.onProblem(error);
    }
    if (this.#begun === of) this.#later(of);
  }

  #keep({ events, last }: EventPage): void {
    for (const { sequence, body } of events) {
      const text = JSON.stringify({ sequence: Number(sequence), ...body });
      this.#characters += text.length;
      this.#events.push({ sequence, event: body, text });
    }
    this.#last = last;
    this.#trim();
    for (const wake of [...this.#waiting]) wake();
  }

  #trim(): void {
    const { most, mostCharacters } = this.#parts;
    let gone = 0;
    while (this.#events.length - gone > most || this.#characters > mostCharacters) {
      const oldest = this.#events[gone];
      if (oldest === undefined) break;
      this.#characters -= oldest.text.length;
      this.#from = oldest.sequence;
      gone += 1;
    }
    if (gone > 0) this.#events.splice(0, gone);
  }
}
