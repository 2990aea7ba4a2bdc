import { createHmac, randomBytes } from 'node:crypto';
import { constantTimeEqual } from '@sallyport/kernel';

const RANDOM_BYTES = 32;
const RANDOM_LENGTH = 43;
const MARK_BYTES = 16;
const MARK_LENGTH = 22;

/**
 * Codes and refresh tokens that show at a glance that we made them: 256 random bits, then a MAC of those. Whether one
 * is still good is another question; but who shows one has been granted something, and who guesses has not, and telling
 * the two apart costs no look into the database (S32). One without the mark is a guess, or from before.
 */
export class OwnTokens {
  readonly #key: Uint8Array;

  /** @param key the same on every replica */
  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** 65 characters of base64url. */
  make(): string {
    const random = randomBytes(RANDOM_BYTES).toString('base64url');
    return `${random}${this.#mark(random)}`;
  }

  isOurs(token: unknown): token is string {
    if (typeof token !== 'string' || token.length !== RANDOM_LENGTH + MARK_LENGTH) return false;
    return constantTimeEqual(token.slice(RANDOM_LENGTH), this.#mark(token.slice(0, RANDOM_LENGTH)));
  }

  #mark(random: string): string {
    return createHmac('sha256', this.#key).update(random).digest().subarray(0, MARK_BYTES).toString('base64url');
  }
}
