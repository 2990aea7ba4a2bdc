import { errorIn } from './json-rpc.js';
import type { RelayAnswer } from './relay.js';

/** The failure to be let in tells more than that of the probe before. */
export const saysWhy = (refused: RelayAnswer): boolean =>
  'said' in refused || (refused.type === 'failed' && refused.reason === 'sse-only');

/** The failure of a probe is not the answer to what was not sent, but it may say why. */
export function unsent(probed: RelayAnswer): RelayAnswer {
  if (probed.type !== 'message' && probed.type !== 'accepted') return probed;
  const said = probed.type === 'message' ? errorIn(probed.message) : undefined;
  if (probed.type !== 'message' || said === undefined) return { type: 'failed', reason: 'not-mcp' };
  const { status, retryAfterSeconds } = probed;
  return {
    type: 'failed',
    reason: 'refused',
    status,
    said,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  };
}

/** These say what they mean, with or without a session: too large, too often, more permissions. */
const OF_THE_REQUEST: ReadonlySet<number> = new Set([413, 429]);

/** By HTTP: an error of JSON-RPC that comes with 200 is the answer of whoever read the request. */
export function isRefusedByStatus(answer: RelayAnswer): boolean {
  if (answer.type === 'credential-rejected') return true;
  if (answer.type === 'failed' && answer.challenge !== undefined) return false;
  return (
    (answer.type === 'failed' || answer.type === 'message') &&
    (answer.status ?? 0) >= 400 &&
    !OF_THE_REQUEST.has(answer.status ?? 0)
  );
}
