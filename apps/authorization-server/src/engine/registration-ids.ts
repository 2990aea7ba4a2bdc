import { createHmac, randomBytes } from 'node:crypto';
import { constantTimeEqual, type Clock } from '@sallyport/kernel';
import { DYNAMIC_PREFIX } from './client-metadata.js';

/** Seconds since the epoch in 9 hexadecimal digits, then 128 random bits in base64url. */
const MADE_LENGTH = 9 + 22;

/**
 * Client ids of registrations (RFC 7591) that say when we made them, and show that we did: somebody who comes with one
 * that is no longer known is told whether it was removed here or is from elsewhere. Nothing else is read from it, and
 * nothing is granted for it.
 */
export class RegistrationIds {
  readonly #key: Uint8Array;
  readonly #clock: Clock;

  /** @param key the same on every replica */
  constructor(key: Uint8Array, clock: Clock) {
    this.#key = key;
    this.#clock = clock;
  }

  make(): string {
    const made = `${Math.floor(this.#clock() / 1000)
      .toString(16)
      .padStart(9, '0')}${randomBytes(16).toString('base64url')}`;
    return `${DYNAMIC_PREFIX}${made}${this.#mark(made)}`;
  }

  /** @returns seconds since the epoch; undefined for an id that we did not make, or from before they were marked */
  madeAt(clientId: string): number | undefined {
    const made = clientId.slice(DYNAMIC_PREFIX.length, DYNAMIC_PREFIX.length + MADE_LENGTH);
    const isOurs =
      clientId.startsWith(DYNAMIC_PREFIX) &&
      constantTimeEqual(clientId.slice(DYNAMIC_PREFIX.length + MADE_LENGTH), this.#mark(made));
    return isOurs ? Number.parseInt(made.slice(0, 9), 16) : undefined;
  }

  #mark(made: string): string {
    return createHmac('sha256', this.#key).update(made).digest().subarray(0, 12).toString('base64url');
  }
}
