import { BoundedMap } from '@sallyport/kernel';
import type { Caller } from '@sallyport/policy';

/**
 * Which step-ups were asked for already (security rule S24): a client that comes back with a newer token and still
 * lacks the scopes would only loop, so it is refused without another challenge.
 */
export class StepUpMemory {
  readonly #asked = new BoundedMap<string, number>(10_000);

  /** True when asking this caller for these scopes can help. */
  mayAsk(caller: Caller, scopes: readonly string[]): boolean {
    const key = JSON.stringify([caller.sid, ...scopes.toSorted()]);
    const askedOf = this.#asked.get(key);
    if (askedOf !== undefined && askedOf < caller.issuedAt) return false;
    this.#asked.set(key, askedOf ?? caller.issuedAt);
    return true;
  }
}
