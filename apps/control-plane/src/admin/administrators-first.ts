import { FairTurns } from '@sallyport/http';
import type { RequestOrder } from '@sallyport/http';
import type { Administrators } from './administrators.js';

/**
 * When the processor is short, an administrator's request begins before anybody else's: one with the token file, or
 * with a token that was verified before. Everybody else waits in a line by address (security rule S34).
 */
export function administratorsFirst(administrators: Pick<Administrators, 'isKnown'>): RequestOrder {
  return {
    turns: new FairTurns(),
    placeOf: ({ headers }, address) =>
      administrators.isKnown(headers.authorization)
        ? { line: 'administrators', urgency: 'prompt' }
        : { line: address, urgency: 'patient' },
  };
}
