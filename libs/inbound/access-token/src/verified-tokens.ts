import { BoundedMap, type Clock } from '@sallyport/kernel';
import { isRevoked, type RevocationView, type VerifiedToken } from './revocation.js';

/** A verified token and the thumbprint of the key it is bound to, if any (RFC 9449 section 6). */
export interface CheckedToken extends VerifiedToken {
  readonly boundTo: string | undefined;
}

interface Remembered extends CheckedToken {
  /** Milliseconds since the epoch. */
  readonly endsAt: number;
  /** The revocation generation with which this entry was last compared. */
  generation: number;
}

interface Parts {
  readonly limit: number;
  readonly clock: Clock;
  readonly revocations: () => RevocationView;
}

/** Tokens that were verified, each under its whole text, until it expires or is withdrawn (S5). */
export class VerifiedTokens {
  readonly #parts: Parts;
  readonly #tokens: BoundedMap<string, Remembered>;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#tokens = new BoundedMap(parts.limit);
  }

  /** @returns the token, or why it is good no longer; undefined when it has to be verified anew */
  recall(token: string): CheckedToken | 'key_withdrawn' | 'revoked' | undefined {
    const entry = this.#tokens.get(token);
    if (entry === undefined) return undefined;
    if (this.#parts.clock() >= entry.endsAt) return this.#forget(token, undefined);
    const view = this.#parts.revocations();
    if (entry.generation === view.generation) return entry;
    if (view.isKeyWithdrawn(entry.kid)) return this.#forget(token, 'key_withdrawn');
    if (isRevoked(view, entry.caller)) return this.#forget(token, 'revoked');
    entry.generation = view.generation;
    return entry;
  }

  /**
   * @param endsAt milliseconds since the epoch: a token is not remembered into the time that is granted for clock skew
   */
  remember(token: string, { caller, kid, boundTo }: CheckedToken, endsAt: number): void {
    const { clock, revocations } = this.#parts;
    if (clock() >= endsAt) return;
    this.#tokens.set(token, { caller, kid, boundTo, endsAt, generation: revocations().generation });
  }

  forgetKeys(kids: ReadonlySet<string>): void {
    this.#tokens.deleteWhere((entry) => kids.has(entry.kid));
  }

  userOf(token: string): string | undefined {
    return this.#tokens.get(token)?.caller.userId;
  }

  #forget<T>(token: string, result: T): T {
    this.#tokens.delete(token);
    return result;
  }
}
