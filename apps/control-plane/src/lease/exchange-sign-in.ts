import { askForExchange, type DerivedTokensContext } from '@sallyport/credential';
import { SallyportError, type Clock } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import { subjects } from '@sallyport/messages';
import { request, type Messaging } from '@sallyport/messaging';
import type { CryptoKey } from 'jose';

/** Two requests at an identity provider fit into it. A lease does not wait for it: what comes later is there for the next call. */
const ANSWER_TIMEOUT_MS = 25_000;
const RETRY_MS = 5_000;

/** What users signed in with stays at the authorization server, which exchanges it on our word. */
export function createExchange({
  messaging,
  signingKey,
  sealer,
  clock,
}: {
  messaging: Pick<Messaging, 'client'>;
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
        send: (wire) => request(messaging.client(), subjects.exchangeSignIn, wire, { timeoutMs: ANSWER_TIMEOUT_MS }),
      });
    } catch (error) {
      if (
        !(error instanceof SallyportError) ||
        !(error.code.startsWith('messaging_') || error.code === 'exchange_answer_invalid')
      )
        throw error;
      return { type: 'unavailable', retryAfterMs: RETRY_MS, fault: false, error: error.code };
    }
  };
}
