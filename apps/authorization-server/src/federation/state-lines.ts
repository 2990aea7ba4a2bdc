import { BoundedMap, type Clock } from '@sallyport/kernel';
import type { Logger } from '@sallyport/telemetry';

/** More than an installation has identity providers, with an endpoint or two each. */
const MAX_DOWN = 1_000;

/**
 * What stopped working is said once, with the reason, and once more when it works again: not with every request in
 * between.
 */
export class StateLines {
  /** Since when each is down, in milliseconds since the epoch. */
  readonly #down = new BoundedMap<string, number>(MAX_DOWN);
  readonly #clock: Clock;
  readonly #logger: Pick<Logger, 'warn' | 'info'>;

  constructor({ clock, logger }: { clock: Clock; logger: Pick<Logger, 'warn' | 'info'> }) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** @param about what it is, in fields that do not change while it is down */
  failed(about: object, reason: object, message: string): void {
    const key = JSON.stringify(about);
    if (this.#down.get(key) !== undefined) return;
    this.#down.set(key, this.#clock());
    this.#logger.warn({ ...about, ...reason }, message);
  }

  works(about: object, message: string): void {
    const key = JSON.stringify(about);
    const since = this.#down.get(key);
    if (since === undefined) return;
    this.#down.delete(key);
    this.#logger.info({ ...about, downForSeconds: Math.max(0, Math.round((this.#clock() - since) / 1_000)) }, message);
  }
}
