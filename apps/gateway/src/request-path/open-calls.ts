import type { AccessTokenVerifier } from '@sallyport/access-token';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import type { RequestId } from '@sallyport/mcp-relay';

export interface OpenCall {
  readonly token: string;
  readonly end: (reason: string) => void;
  /** Of a legacy client: which of its requests this is. */
  readonly sessionId: string | undefined;
  readonly requestId: RequestId;
  /** Why the call may not go on under this configuration; set once it is permitted. */
  lost?: (snapshot: ConfigurationSnapshot) => string | undefined;
}

/**
 * Calls that are still running. What was let in does not stay in: an open stream or a call that waits ends when its token
 * expires or is revoked, when its credential is revoked and when policy no longer permits it (security rule S17).
 */
export class OpenCalls {
  readonly #calls = new Set<OpenCall>();
  readonly #verifier: Pick<AccessTokenVerifier, 'recheck'>;

  constructor(verifier: Pick<AccessTokenVerifier, 'recheck'>) {
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

  /** Ends calls whose token or permit is no longer good. Remembered verifications make this cheap enough for every second. */
  async endUnauthorized(snapshot: ConfigurationSnapshot): Promise<void> {
    for (const call of this.#calls) {
      const verification = await this.#verifier.recheck(call.token);
      const isSessionEnded = call.sessionId !== undefined && snapshot.revocations.isMcpSessionEnded(call.sessionId);
      const reason = verification.ok ? (isSessionEnded ? 'session_ended' : call.lost?.(snapshot)) : `token_${verification.reason}`;
      if (reason !== undefined) this.#end(call, reason);
    }
  }

  /** The client of this session no longer wants the answer to this request. @returns whether it ran here. */
  cancel(sessionId: string, requestId: RequestId): boolean {
    const cancelled = [...this.#calls].find((call) => call.sessionId === sessionId && call.requestId === requestId);
    if (cancelled !== undefined) this.#end(cancelled, 'cancelled');
    return cancelled !== undefined;
  }

  endAll(reason: string): void {
    for (const call of this.#calls) this.#end(call, reason);
  }

  #end(call: OpenCall, reason: string): void {
    this.#calls.delete(call);
    call.end(reason);
  }
}
