import type { ListOutcome } from '../outbound/catalogues.js';
import type { Missing } from '../protocol/refusal.js';

/** Characters of a server's own words. */
const MAX_MESSAGE = 512;

/** What whoever asked may know of a reading that failed. */
export function missingFor({
  reason,
  status,
  retryAfterSeconds,
  location,
  said,
}: Extract<ListOutcome, { type: 'failed' }>): Missing {
  return {
    reason,
    ...(status === undefined ? {} : { status }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(location === undefined ? {} : { location }),
    ...(said === undefined ? {} : { message: said.message.slice(0, MAX_MESSAGE) }),
  };
}
