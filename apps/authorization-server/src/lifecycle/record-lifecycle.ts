import { EventTally, namedId, newId, type Clock } from '@sallyport/kernel';
import { summedEvents, type LifecycleRecord } from '@sallyport/messages';
import type { EventStream } from '@sallyport/messaging';
import type { Logger } from '@sallyport/telemetry';

export type LifecycleFacts = Pick<LifecycleRecord, 'type'> &
  Partial<Omit<LifecycleRecord, 'v' | 'type' | 'id' | 'replica' | 'at'>>;
export type RecordLifecycle = (
  facts: { [K in keyof LifecycleFacts]: LifecycleFacts[K] | undefined } & Pick<LifecycleRecord, 'type'>,
) => void;

const MAX_WAITING = 10_000;
const BATCH = 200;
const RETRY_MS = 1_000;
/** What somebody can cause who proved nothing, when no user is named in it. */
const BY_ANYBODY: ReadonlySet<LifecycleRecord['type']> = new Set([
  'token.refused',
  'user.sign_in_failed',
  'agent.registered',
]);

/**
 * The trail of sign-ins, consents and tokens (R80). Recording never holds up or fails a request; batches are published
 * in order and repeated until the stream took them. What anybody can cause is recorded one by one up to a rate and summed up
 * beyond it (security rule S33); so is what there is no room for when the stream is away for too long, loudly.
 */
export class LifecycleRecorder {
  readonly #events: EventStream;
  readonly #replica: string;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #tally: EventTally;
  #waiting: LifecycleRecord[] = [];
  #publishing: Promise<void> | undefined;
  #closing = false;
  #isAway = false;
  #isLosing = false;

  constructor(parts: { events: EventStream; replica: string; logger: Logger; clock: Clock }) {
    this.#events = parts.events;
    this.#replica = parts.replica;
    this.#logger = parts.logger;
    this.#clock = parts.clock;
    this.#tally = new EventTally({ clock: parts.clock });
  }

  readonly record: RecordLifecycle = (facts) => {
    if (
      facts.userId !== undefined ||
      !BY_ANYBODY.has(facts.type) ||
      this.#tally.note(facts.type, facts.reason ?? 'unsaid')
    )
      this.#add(facts);
  };

  /** Records what was summed up, of minutes that are over. */
  sumUp(which: 'over' | 'all' = 'over'): void {
    if (this.#waiting.length >= MAX_WAITING) return;
    for (const sum of this.#tally.take(which)) this.#add(summedEvents(sum));
  }

  #add(facts: Parameters<RecordLifecycle>[0]): void {
    const at = this.#clock();
    const { type, detail, ...rest } = facts;
    const known = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
    if (this.#waiting.length >= MAX_WAITING) {
      if (!this.#isLosing)
        this.#logger.error('the event stream is away for too long: lifecycle records are counted, and lost');
      this.#isLosing = true;
      this.#tally.count(type, 'lost: the event stream was away');
      return;
    }
    // A session ends once, however often that is told: the trail keeps one record of it.
    const id = type === 'token.revoked' && rest.sid !== undefined ? namedId('evt', rest.sid) : newId('evt', at);
    this.#waiting.push({
      v: 1,
      type,
      id,
      replica: this.#replica,
      at,
      ...known,
      ...(detail === undefined ? {} : { detail }),
    });
    this.#publishing ??= this.#publish().finally(() => (this.#publishing = undefined));
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
        await this.#events.publish(this.#replica, batch);
        this.#waiting = this.#waiting.slice(batch.length);
        this.#isAway = this.#isLosing = false;
      } catch (err) {
        if (!this.#isAway)
          this.#logger.warn({ err, waiting: this.#waiting.length }, 'lifecycle records wait for the event stream');
        this.#isAway = true;
        if (this.#closing) return;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
      }
    }
  }
}
