import type { EndScope } from '../storage/identity-session.js';
import type { IdentitySessions } from '../storage/identity-sessions.js';
import type { NoteEvent } from '@sallyport/trail';

/** @returns how many agent sessions ended with it */
export type EndIdentitySessions = (scope: EndScope, reason: string) => Promise<number>;

/**
 * Ends sign-ins and everything that came of them; the records make the gateways hear of each agent session (S28, R84).
 */
export function createEndIdentitySessions({
  identities,
  record,
}: {
  identities: IdentitySessions;
  record: NoteEvent;
}): EndIdentitySessions {
  return async (scope, reason) => {
    const ended = await identities.end(scope, reason);
    for (const session of ended) record({ type: 'token.revoked', ...session, reason });
    return ended.length;
  };
}
