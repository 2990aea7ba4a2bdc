import type { AccessTokenVerifier } from '@sallyport/access-token';

interface OpenCall {
  readonly token: string;
  readonly end: (reason: string) => void;
}

/**
 * Calls that are still running. What was let in does not stay in: an open stream or a call that waits ends when its token
 * expires or is revoked (security rule S17).
 */
export class OpenCalls {
  readonly #calls = new Set<OpenCall>();
  readonly #verifier: Pick<AccessTokenVerifier, 'verify'>;

  constructor(verifier: Pick<AccessTokenVerifier, 'verify'>) {
    this.#verifier = verifier;
  }

  get size(): number {
    return this.#calls.size;
  }

  /** @returns what to call when the call is over. */
  add(call: OpenCall): () => void {
    this.#calls.add(call);
    return () => this.#calls.delete(call);
  }

  /** Ends calls whose token is no longer good. Remembered verifications make this cheap enough for every second. */
  async endUnauthorized(): Promise<void> {
    for (const call of this.#calls) {
      const verification = await this.#verifier.verify(call.token);
      if (!verification.ok) call.end(`token_${verification.reason}`);
    }
  }
}
