import type { JWK } from 'jose';
import type { AuthorizationEngine } from './engine.js';

/**
 * An engine's keys are fixed when it is made: for other keys another engine takes its place. What the old one has begun it
 * finishes; everything either of them keeps is in the store.
 */
export class RotatingEngine implements AuthorizationEngine {
  readonly #make: (keys: readonly JWK[]) => AuthorizationEngine;
  #current: AuthorizationEngine;
  #kids: string;

  constructor(make: (keys: readonly JWK[]) => AuthorizationEngine, keys: readonly JWK[]) {
    this.#make = make;
    this.#current = make(keys);
    this.#kids = kidsOf(keys);
  }

  /** @param keys the signing one first */
  use(keys: readonly JWK[]): void {
    if (kidsOf(keys) === this.#kids) return;
    this.#current = this.#make(keys);
    this.#kids = kidsOf(keys);
  }

  readonly owns: AuthorizationEngine['owns'] = (path) => this.#current.owns(path);
  readonly handle: AuthorizationEngine['handle'] = (...request) => this.#current.handle(...request);
  readonly pending: AuthorizationEngine['pending'] = (...request) => this.#current.pending(...request);
  readonly signedIn: AuthorizationEngine['signedIn'] = (...request) => this.#current.signedIn(...request);
  readonly grant: AuthorizationEngine['grant'] = (...request) => this.#current.grant(...request);
  readonly browserSession: AuthorizationEngine['browserSession'] = (...request) => this.#current.browserSession(...request);
  readonly refuse: AuthorizationEngine['refuse'] = (...request) => this.#current.refuse(...request);
}

const kidsOf = (keys: readonly JWK[]): string => keys.map(({ kid }) => kid).join();
