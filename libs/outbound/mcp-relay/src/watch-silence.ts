import type { SallyportError } from '@sallyport/kernel';
import { fellSilent } from './relay-failure.js';
import type { RelayRequest } from './relay.js';

const PARTS = 4;

/**
 * Calls `onSilent` when the server said nothing for its idle time. Time in which it may be silent starts the count
 * anew.
 * @returns what to call when the server was heard
 */
export function watchSilence(
  { idleTimeoutMs, mayBeSilent }: Pick<RelayRequest, 'idleTimeoutMs' | 'mayBeSilent'>,
  onSilent: (error: SallyportError<'relay_timeout'>) => void,
): () => void {
  let silentParts = 0;
  const timer = setInterval(() => {
    silentParts = mayBeSilent?.() === true ? 0 : silentParts + 1;
    if (silentParts >= PARTS) onSilent(fellSilent());
  }, idleTimeoutMs / PARTS);
  return () => clearInterval(timer);
}
