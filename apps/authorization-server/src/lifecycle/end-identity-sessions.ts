import type { EndScope, IdentitySessions } from '../storage/identity-sessions.js';
import type { RecordLifecycle } from './record-lifecycle.js';

/** @returns how many agent sessions ended with it */
export type EndIdentitySessions = (scope: EndScope, reason: string) => Promise<number>;

/** Ends sign-ins and everything that came of them; the records make the gateways hear of each agent session (S28, R84). */
export function createEndIdentitySessions({
  identities,
  record,
}: {
  identities: IdentitySessions;
  record: RecordLifecycle;
}): EndIdentitySessions {
  return async (scope, reason) => {
    const ended = await identities.end(scope, reason);
    for (const session of ended) record({ type: 'token.revoked', ...session, reason });
    return ended.length;
  };
}
