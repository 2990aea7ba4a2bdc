import type { Database } from '@sallyport/database';

/** A control plane that said nothing for this time has had its turn. */
const HELD_SECONDS = 6;
const RENEW_MS = 1_000;

export interface EventIntakeOptions {
  readonly database: Database;
  /** This process; started again under the same name it goes on at once. */
  readonly holder: string;
  /** Begins to take events from the bus. @returns what ends it */
  readonly consume: () => Promise<() => Promise<void>>;
  readonly onError: (error: unknown) => void;
}

/**
 * Takes events from the bus while it is this control plane's turn, and no other one does. Two at once could store
 * what one publisher published later before what it published earlier. A process that is late to notice that its turn
 * is over does no harm: both begin with the first event that nobody stored, and neither leaves one out.
 */
export class EventIntake {
  readonly #options: EventIntakeOptions;
  #end: (() => Promise<void>) | undefined;
  #isStopped = false;
  #round: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: EventIntakeOptions) {
    this.#options = options;
  }

  /** Looks whose turn it is, now and every second. */
  async start(): Promise<void> {
    await this.#look();
    this.#timer = setInterval(() => void this.#look(), RENEW_MS);
  }

  /** Ends what is under way; another control plane may begin at once. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#round;
    const end = this.#end;
    if (end === undefined) return;
    this.#end = undefined;
    await end();
    await this.#release().catch(this.#options.onError);
  }

  #look(): Promise<void> {
    return (this.#round ??= this.#takeTurn()
      .catch(this.#options.onError)
      .finally(() => (this.#round = undefined)));
  }

  /** While the database is away nobody's turn ends: nothing can be stored either. */
  async #takeTurn(): Promise<void> {
    const isOurs = await this.#hold();
    if (this.#isStopped) return;
    if (isOurs) this.#end ??= await this.#options.consume();
    else {
      const end = this.#end;
      this.#end = undefined;
      await end?.();
    }
  }

  async #hold(): Promise<boolean> {
    const { database, holder } = this.#options;
    const held = await database.$executeRaw`
      INSERT INTO "EventIntake" AS intake ("id", "holder", "heldUntil")
      VALUES (1, ${holder}, now() + make_interval(secs => ${HELD_SECONDS}))
      ON CONFLICT ("id") DO UPDATE SET "holder" = excluded."holder", "heldUntil" = excluded."heldUntil"
      WHERE intake."holder" = excluded."holder" OR intake."heldUntil" < now()`;
    return held > 0;
  }

  async #release(): Promise<void> {
    const { database, holder } = this.#options;
    await database.$executeRaw`UPDATE "EventIntake" SET "heldUntil" = '-infinity' WHERE "holder" = ${holder}`;
  }
}
