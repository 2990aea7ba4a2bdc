import { EventTally, Shares } from '@sallyport/kernel';
import { summedEvents, type LifecycleRecord } from '@sallyport/messages';
import type { Logger } from '@sallyport/telemetry';
import { stampEvent, type NoteEvent, type TrailEvent, type TrailWriter } from './trail-event.js';

export interface BusTrailOptions extends TrailWriter {
  /** Safe once it resolves; the same batch may be published again. */
  readonly publish: (batch: readonly LifecycleRecord[]) => Promise<void>;
  readonly logger: Pick<Logger, 'warn' | 'error'>;
}

const MAX_WAITING = 10_000;
const BATCH = 200;
const RETRY_MS = 1_000;
/** What somebody can cause who proved nothing, when no user is named in it. */
const BY_ANYBODY: ReadonlySet<LifecycleRecord['type']> = new Set([
  'token.refused',
  'user.sign_in_failed',
  'agent.registered',
  'agent.consent_denied',
]);

/**
 * Sends events to the event stream (R80). Recording never holds up or fails a request: batches are published in order
 * and repeated until the stream took them. What anybody can cause is recorded one by one up to a rate and summed up
 * beyond it (security rule S33). So is what there is no room for when the stream is away for too long, which the log
 * says: once half of the room is used, a user has an eighth of what is left (security rule S32).
 */
export class BusTrail {
  readonly #options: BusTrailOptions;
  readonly #tally: EventTally;
  #waiting: LifecycleRecord[] = [];
  readonly #shares = new Shares(MAX_WAITING);
  #publishing: Promise<void> | undefined;
  #closing = false;
  #isAway = false;
  #isLosing = false;

  constructor(options: BusTrailOptions) {
    this.#options = options;
    this.#tally = new EventTally({ clock: options.clock });
  }

  readonly record: NoteEvent = (event) => {
    const { type, userId, reason = 'unsaid' } = event;
    if (userId !== undefined || !BY_ANYBODY.has(type) || this.#tally.note(type, reason)) this.#add(event);
  };

  /** Records what was summed up, of minutes that are over. Sums go on being counted while others may need the room. */
  sumUp(which: 'over' | 'all' = 'over'): void {
    if (this.#isHalfFull()) return;
    for (const sum of this.#tally.take(which)) this.#add(summedEvents(sum));
  }

  #add(event: TrailEvent): void {
    const owner = ownerOf(event);
    if (this.#isHalfFull() && this.#shares.refusal(owner) !== undefined) {
      if (!this.#isLosing)
        this.#options.logger.error('the event stream is away for too long: lifecycle records are counted, and lost');
      this.#isLosing = true;
      this.#tally.count(event.type, 'lost: the event stream was away');
      return;
    }
    this.#shares.take(owner);
    this.#waiting.push(stampEvent(event, this.#options));
    this.#publishing ??= this.#publish().finally(() => (this.#publishing = undefined));
  }

  #isHalfFull(): boolean {
    return this.#waiting.length >= MAX_WAITING / 2;
  }

  /** Waits until everything recorded so far is safe, or gives up after one failed attempt. */
  async close(): Promise<void> {
    this.#closing = true;
    this.sumUp('all');
    await this.#publishing;
    if (this.#waiting.length > 0) await this.#publish();
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  async #publish(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve)); // what happens in one tick travels together
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, BATCH);
      try {
        await this.#options.publish(batch);
        this.#waiting = this.#waiting.slice(batch.length);
        for (const one of batch) this.#shares.giveBack(ownerOf(one));
        this.#isAway = this.#isLosing = false;
      } catch (err) {
        if (!this.#isAway)
          this.#options.logger.warn(
            { err, waiting: this.#waiting.length },
            'lifecycle records wait for the event stream',
          );
        this.#isAway = true;
        if (this.#closing) return;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
      }
    }
  }
}

/** What names no user is one owner's: nobody's. */
const ownerOf = ({ userId }: { readonly userId?: string | undefined }): string => userId ?? '';
