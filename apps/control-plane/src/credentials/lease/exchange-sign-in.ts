import { askForExchange } from '@sallyport/lease';
import type { DerivedTokensContext } from '@sallyport/credential';
import { hasCode, type SallyportError, type Clock } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import { subjects } from '@sallyport/messages';
import { MessagingError, type Requests } from '@sallyport/messaging';
import type { CryptoKey } from 'jose';

/**
 * Leaves time for two requests at an identity provider. A lease does not wait longer: an answer that comes later serves
 * the next call.
 */
const ANSWER_TIMEOUT_MS = 25_000;
const RETRY_MS = 5_000;

/**
 * Asks the authorization server to exchange what a user signed in with. Only it holds that, and it acts on the
 * signature of the control plane.
 */
export function createExchange({
  messaging,
  signingKey,
  sealer,
  clock,
}: {
  messaging: Pick<Requests, 'request'>;
  signingKey: CryptoKey;
  sealer: Sealer;
  clock: Clock;
}): DerivedTokensContext['exchange'] {
  return async (wish) => {
    try {
      return await askForExchange(wish, {
        signingKey,
        clock,
        open: (purpose, sealed, binding) => sealer.open(purpose, sealed, binding),
        send: (wire) =>
          messaging.request(subjects.exchangeSignIn, { ...wire, asker: wish.userId }, { timeoutMs: ANSWER_TIMEOUT_MS }),
      });
    } catch (error) {
      if (!isUnanswered(error)) throw error;
      return { type: 'unavailable', retryAfterMs: RETRY_MS, fault: false, error: error.code };
    }
  };
}

/** The bus brought no answer, or none that is one. */
function isUnanswered(error: unknown): error is SallyportError {
  return error instanceof MessagingError || hasCode(error, 'exchange_answer_invalid');
}
