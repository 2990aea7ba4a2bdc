import type { JWK } from 'jose';
import type { AuthorizationEngine } from './engine.js';

/**
 * An engine's keys are fixed when it is made: for other keys another engine takes its place. What the old one has begun
 * it finishes; everything either of them keeps is in the store.
 */
export class RotatingEngine implements AuthorizationEngine {
  readonly #make: (keys: readonly JWK[]) => AuthorizationEngine;
  #current: AuthorizationEngine;
  #kids: readonly string[];
  #settled: Promise<void> = Promise.resolve();

  constructor(make: (keys: readonly JWK[]) => AuthorizationEngine, keys: readonly JWK[]) {
    this.#make = make;
    this.#current = make(keys);
    this.#kids = kidsOf(keys);
  }

  /** @param keys the signing one first */
  use(keys: readonly JWK[]): void {
    if (kidsOf(keys).join() === this.#kids.join()) return;
    this.#current = this.#make(keys);
    this.#kids = kidsOf(keys);
  }

  signsWith(isOneOf: (kid: string) => boolean): boolean {
    return this.#kids.some(isOneOf);
  }

  /** Until then, or until it has failed, no request is handled: each could end in a signature. */
  waitFor(change: Promise<void>): void {
    this.#settled = change.catch(() => undefined);
  }

  readonly owns: AuthorizationEngine['owns'] = (path) => this.#current.owns(path);
  readonly handle: AuthorizationEngine['handle'] = async (...request) => {
    await this.#settled;
    return this.#current.handle(...request);
  };
  readonly pending: AuthorizationEngine['pending'] = (...request) => this.#current.pending(...request);
  readonly signedIn: AuthorizationEngine['signedIn'] = (...request) => this.#current.signedIn(...request);
  readonly grant: AuthorizationEngine['grant'] = (...request) => this.#current.grant(...request);
  readonly browserSession: AuthorizationEngine['browserSession'] = (...request) =>
    this.#current.browserSession(...request);
  readonly answered: AuthorizationEngine['answered'] = (...request) => this.#current.answered(...request);
  readonly refuse: AuthorizationEngine['refuse'] = (...request) => this.#current.refuse(...request);
}

const kidsOf = (keys: readonly JWK[]): string[] => keys.map(({ kid }) => kid ?? '');
