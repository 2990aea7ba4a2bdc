import type { AccessTokenVerifier } from '@sallyport/access-token';
import type { FairTurns, RequestOrder } from '@sallyport/http';
import { tokenIn } from '../protocol/authorization-header.js';

/** What an agent can wait for when calls do not: beginnings, and what only asks what there is. */
const PATIENT = /^(?:initialize|ping|server\/discover|subscriptions\/listen|.+\/list)$/;

/**
 * Requests of users whose token was verified before wait in a line of their own, all others in the line of their
 * address. Calls of the known go first; beginnings and ends of MCP sessions and lists go later, and whatever nobody
 * vouched for last (S34).
 */
export function orderRequests(turns: FairTurns, verifier: Pick<AccessTokenVerifier, 'lastKnownUser'>): RequestOrder {
  return {
    turns,
    placeOf({ headers, method }, address) {
      const token = headers.authorization === undefined ? undefined : tokenIn(headers.authorization);
      const userId = token === undefined ? undefined : verifier.lastKnownUser(token);
      if (userId === undefined) return { line: address, urgency: 'unknown' };
      const named = headers['mcp-method'];
      const isPatient =
        method !== 'POST' ||
        (typeof named === 'string' ? PATIENT.test(named) : headers['mcp-session-id'] === undefined);
      return { line: userId, urgency: isPatient ? 'patient' : 'prompt' };
    },
  };
}
