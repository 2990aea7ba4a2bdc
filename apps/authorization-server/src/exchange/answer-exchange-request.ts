import { MemorySeenNonces, openExchangeRequest, sealExchangeAnswer } from '@sallyport/lease';
import type { ConfigurationReplica } from '@sallyport/configuration';
import type { Clock } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import type { BusyAnswer, SignInExchangeReply } from '@sallyport/messages';
import type { Admission, RequestHandler } from '@sallyport/messaging';
import type { JWK } from 'jose';
import type { SignInExchanges } from './sign-in-exchanges.js';

export interface ExchangeContext {
  readonly exchanges: Pick<SignInExchanges, 'exchange'>;
  readonly configuration: Pick<ConfigurationReplica, 'state'>;
  /** The pinned public key of the control plane. */
  readonly controlPlaneKey: JWK;
  readonly sealer: Pick<Sealer, 'seal'>;
  /** Agents cause these requests: their users take turns (S34). */
  readonly admission: Admission;
  readonly clock: Clock;
}

/** Answers what only the control plane can ask (S26); only the control plane can read the answer (S21). */
export function createExchangeResponder(context: ExchangeContext): RequestHandler {
  const seenNonces = new MemorySeenNonces();
  const answer = async (payload: unknown): Promise<SignInExchangeReply> => {
    const { controlPlaneKey, clock, sealer } = context;
    const request = await openExchangeRequest(payload, { controlPlaneKey, seenNonces, clock });
    const { ready, stale } = context.configuration.state();
    if (!request || !ready || stale) return {};
    return sealExchangeAnswer(await context.exchanges.exchange(request), request, (purpose, plaintext, binding) =>
      sealer.seal(purpose, plaintext, binding),
    );
  };
  return (payload): Promise<SignInExchangeReply | BusyAnswer> =>
    context.admission.admit(payload, () => answer(payload));
}
