import type { AccessTokenVerifier, VerifiedToken } from '@sallyport/access-token';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import type { Clock } from '@sallyport/kernel';
import type { RequestId } from '@sallyport/mcp-relay';
import type { EndedSessions } from '../session/ended-sessions.js';

/** Why a call that ran was ended here. */
export type EndReason =
  | 'cancelled'
  | 'session_ended'
  | 'configuration_stale'
  | 'credential_revoked'
  | 'permit_lost'
  | `token_${NonNullable<ReturnType<AccessTokenVerifier['endOf']>> | 'expired'}`;

export interface OpenCall {
  /** The token it began with. */
  readonly verified: VerifiedToken;
  /** A subscription has no end of its own: it ends with its token. A call goes on (security rule S17). */
  readonly endsWithToken: boolean;
  readonly end: (reason: EndReason) => void;
  /** Of a legacy client: which of its requests this is. */
  readonly sessionId: string | undefined;
  readonly requestId: RequestId;
  /** Why the call may not go on under this configuration; set once it is permitted. */
  lost?: (snapshot: ConfigurationSnapshot) => Extract<EndReason, 'credential_revoked' | 'permit_lost'> | undefined;
}

/**
 * Calls that are still running. What was let in does not stay in: a call ends when its session, user or agent is revoked,
 * when its credential is, and when policy no longer permits it; a subscription also when its token expires (S17).
 */
export class OpenCalls {
  readonly #calls = new Set<OpenCall>();
  readonly #verifier: Pick<AccessTokenVerifier, 'endOf'>;
  readonly #endedSessions: Pick<EndedSessions, 'has'>;
  readonly #clock: Clock;

  constructor(verifier: Pick<AccessTokenVerifier, 'endOf'>, endedSessions: Pick<EndedSessions, 'has'>, clock: Clock) {
    this.#verifier = verifier;
    this.#endedSessions = endedSessions;
    this.#clock = clock;
  }

  get size(): number {
    return this.#calls.size;
  }

  /** @returns what to call when the call is over. */
  add(call: OpenCall): () => void {
    this.#calls.add(call);
    return () => this.#calls.delete(call);
  }

  /** Ends calls that may not go on. */
  endUnauthorized(snapshot: ConfigurationSnapshot): void {
    for (const call of this.#calls) {
      const reason = this.#reasonToEnd(call, snapshot);
      if (reason !== undefined) this.#end(call, reason);
    }
  }

  /** The client of this session no longer wants the answer to this request. @returns whether it ran here. */
  cancel(sessionId: string, requestId: RequestId): boolean {
    const cancelled = [...this.#calls].find((call) => call.sessionId === sessionId && call.requestId === requestId);
    if (cancelled !== undefined) this.#end(cancelled, 'cancelled');
    return cancelled !== undefined;
  }

  endAll(reason: EndReason): void {
    for (const call of this.#calls) this.#end(call, reason);
  }

  #reasonToEnd(
    { verified, endsWithToken, sessionId, lost }: OpenCall,
    snapshot: ConfigurationSnapshot,
  ): EndReason | undefined {
    const ended = this.#verifier.endOf(verified);
    if (ended !== undefined) return `token_${ended}`;
    if (endsWithToken && this.#clock() >= verified.caller.expiresAt * 1000) return 'token_expired';
    if (sessionId !== undefined && this.#endedSessions.has(sessionId)) return 'session_ended';
    return lost?.(snapshot);
  }

  #end(call: OpenCall, reason: EndReason): void {
    this.#calls.delete(call);
    call.end(reason);
  }
}
