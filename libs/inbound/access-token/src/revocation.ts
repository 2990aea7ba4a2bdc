import { timeOfId } from '@sallyport/kernel';
import type { Caller } from '@sallyport/policy';

/** What the verifier asks of revocation: a generation that grows with each change, and the question itself. */
export interface RevocationView {
  readonly generation: number;
  isRevoked(subject: {
    userId: string;
    clientId: string;
    sid: string;
    /** Seconds since the epoch. */ issuedAt: number;
  }): boolean;
  /** For good, whatever the key set says: nobody vouches any more for what such a key signed. */
  isKeyWithdrawn(kid: string): boolean;
}

/** Who a good token speaks for, and the key that signed it. */
export interface VerifiedToken {
  readonly caller: Caller;
  readonly kid: string;
}

/**
 * A token stands for its agent session, whose id says when that began: the authorization server may have issued it a
 * moment after a revocation that it had not heard of, in a session from before (S28). It judges sessions the same way.
 */
export function isRevoked(view: RevocationView, { userId, clientId, sid, issuedAt }: Caller): boolean {
  const begunAt = Math.floor((timeOfId('ses', sid) ?? Infinity) / 1000);
  return view.isRevoked({ userId, clientId, sid, issuedAt: Math.min(issuedAt, begunAt) });
}
