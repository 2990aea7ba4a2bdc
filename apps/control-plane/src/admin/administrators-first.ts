import { FairTurns } from '@sallyport/http';
import type { RequestOrder } from '@sallyport/http';
import type { Secret } from '@sallyport/kernel';
import { isAdministrator } from './permission-guard.js';

/**
 * When the processor is short, an administrator's request begins before anybody else's. Everybody else waits in a line
 * by address (security rule S34).
 */
export function administratorsFirst(token: Secret): RequestOrder {
  return {
    turns: new FairTurns(),
    placeOf: ({ headers }, address) =>
      isAdministrator(headers.authorization, token)
        ? { line: 'administrators', urgency: 'prompt' }
        : { line: address, urgency: 'patient' },
  };
}
