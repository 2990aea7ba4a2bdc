import { BoundedMap, EventTally } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import { summedEvents } from '@sallyport/messages';
import type { RecordEvent } from '@sallyport/trail';

type Refused = Omit<Parameters<RecordEvent>[0], 'type'> & { readonly reason: string };

const MINUTE_MS = 60_000;
/** Told within the last minute: users, each with a few servers and reasons. */
const MAX_TOLD = 10_000;

/**
 * Refused leases on their way to the trail. An agent can cause any number of them: the first of each user, agent,
 * server and reason in a minute is recorded by itself, the others are summed up per reason (security rule S33). Each
 * call that was refused has its own record all the same, the gateway's.
 */
export class RefusedLeases {
  readonly #record: RecordEvent;
  readonly #clock: Clock;
  readonly #tally: EventTally;
  readonly #told = new BoundedMap<string, number>(MAX_TOLD);

  constructor({ record, clock }: { readonly record: RecordEvent; readonly clock: Clock }) {
    this.#record = record;
    this.#clock = clock;
    this.#tally = new EventTally({ clock });
  }

  async note(refused: Refused): Promise<void> {
    const key = JSON.stringify([refused.userId, refused.clientId, refused.server, refused.reason]);
    const sinceTold = this.#clock() - (this.#told.get(key) ?? -Infinity);
    if (sinceTold >= 0 && sinceTold < MINUTE_MS) return this.#tally.count('lease.refused', refused.reason);
    this.#told.set(key, this.#clock());
    try {
      await this.#record({ type: 'lease.refused', ...refused });
    } catch (error) {
      this.#told.delete(key);
      throw error;
    }
  }

  /** Records what was summed up, of minutes that are over; what cannot be recorded goes on being counted. */
  async sumUp(which: 'over' | 'all' = 'over'): Promise<void> {
    for (const sum of this.#tally.take(which)) await this.#record(summedEvents(sum)).catch(() => this.#tally.add(sum));
  }
}
