import type { AccessTokenVerifier, VerifiedToken } from '@sallyport/access-token';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import { Bag } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import type { RequestId } from '@sallyport/mcp-relay';
import type { EndedSessions } from '../session/ended-sessions.js';
import type { EndReason } from '../protocol/refusal.js';
import { inSlices } from './in-slices.js';

/** Says when what a permit allowed may no longer go on (security rule S17). */
export interface PermitWatch {
  /** Its credential was revoked. Costs a look-up. */
  readonly isRevoked: (snapshot: ConfigurationSnapshot) => boolean;
  /** Policy would not let it in again. Costs a decision after a change of documents, and now and then. */
  readonly isLost: (snapshot: ConfigurationSnapshot) => boolean;
}

/** Watches something that goes on under several permits: it ends with the first. */
export const anyOf = (watches: readonly PermitWatch[]): PermitWatch => ({
  isRevoked: (snapshot) => watches.some((watch) => watch.isRevoked(snapshot)),
  isLost: (snapshot) => watches.some((watch) => watch.isLost(snapshot)),
});

export interface OpenCall {
  /** The token it began with. */
  readonly verified: VerifiedToken;
  /** A subscription has no end of its own: it ends with its token. A call goes on (security rule S17). */
  readonly endsWithToken: boolean;
  readonly end: (reason: EndReason) => void;
  /** Of a legacy client: which of its requests this is. */
  readonly sessionId: string | undefined;
  readonly requestId: RequestId;
  /** Set once it is permitted. */
  watch?: PermitWatch | undefined;
}

interface Held {
  readonly call: OpenCall;
  isOver: boolean;
  leave: () => void;
}

/**
 * Calls that are still running. What was let in does not stay in: a call ends when its session, user or agent is
 * revoked, when its credential is, and when policy no longer permits it; a subscription also when its token expires
 * (S17).
 */
export class OpenCalls {
  readonly #calls = new Bag<Held>();
  /** Those of legacy clients: every gateway looks for each cancellation. */
  readonly #bySession = new Map<string, Held[]>();
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
    const held: Held = { call, isOver: false, leave: () => undefined };
    held.leave = this.#calls.add(held);
    if (call.sessionId !== undefined) {
      const own = this.#bySession.get(call.sessionId);
      if (own) own.push(held);
      else this.#bySession.set(call.sessionId, [held]);
    }
    return () => this.#remove(held);
  }

  /**
   * Ends calls that were revoked, which costs little to see. It is done in slices (S17, S34).
   * @param current the newest configuration; `undefined` while there is none to decide by
   */
  endRevoked(current: () => ConfigurationSnapshot | undefined): Promise<void> {
    return this.#endWhere(current, (call, snapshot) => this.#revocationOf(call, snapshot));
  }

  /**
   * Ends calls that policy no longer permits, in slices (S17, S34). Each waits for a decision, so `endRevoked` waits
   * for none of these.
   * @param current as for `endRevoked`
   */
  endForbidden(current: () => ConfigurationSnapshot | undefined): Promise<void> {
    return this.#endWhere(current, (call, snapshot) =>
      call.watch?.isLost(snapshot) === true ? (this.#revocationOf(call, snapshot) ?? 'permit_lost') : undefined,
    );
  }

  /** The client of this session no longer wants the answer to this request. @returns whether it ran here. */
  cancel(sessionId: string, requestId: RequestId): boolean {
    const held = this.#bySession.get(sessionId)?.find(({ call }) => call.requestId === requestId);
    if (held !== undefined) this.#end(held, 'cancelled');
    return held !== undefined;
  }

  endAll(reason: EndReason): void {
    for (const held of this.#calls.items()) this.#end(held, reason);
  }

  async #endWhere(
    current: () => ConfigurationSnapshot | undefined,
    reasonToEnd: (call: OpenCall, snapshot: ConfigurationSnapshot) => EndReason | undefined,
  ): Promise<void> {
    await inSlices(this.#calls.items(), (held) => {
      const snapshot = current();
      const reason = snapshot !== undefined && !held.isOver ? reasonToEnd(held.call, snapshot) : undefined;
      if (reason !== undefined) this.#end(held, reason);
    });
  }

  #revocationOf(
    { verified, endsWithToken, sessionId, watch }: OpenCall,
    snapshot: ConfigurationSnapshot,
  ): EndReason | undefined {
    const ended = this.#verifier.endOf(verified);
    if (ended !== undefined) return `token_${ended}`;
    if (endsWithToken && this.#clock() >= verified.caller.expiresAt * 1000) return 'token_expired';
    if (sessionId !== undefined && this.#endedSessions.has(sessionId)) return 'session_ended';
    return watch?.isRevoked(snapshot) === true ? 'credential_revoked' : undefined;
  }

  #end(held: Held, reason: EndReason): void {
    this.#remove(held);
    held.call.end(reason);
  }

  #remove(held: Held): void {
    if (held.isOver) return;
    held.isOver = true;
    held.leave();
    const { sessionId } = held.call;
    const own = sessionId === undefined ? undefined : this.#bySession.get(sessionId);
    if (sessionId === undefined || own === undefined) return;
    own.splice(own.indexOf(held), 1);
    if (own.length === 0) this.#bySession.delete(sessionId);
  }
}
