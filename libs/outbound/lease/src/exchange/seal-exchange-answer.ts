import { importJWK } from 'jose';
import type {
  SignInExchangeAnswer,
  SignInExchangeOutcome,
  SignInExchangeReply,
  SignInExchangeRequest,
} from '@sallyport/messages';
import { encrypt, typ } from '../lease-envelope.js';
import { EXCHANGE_SEAL, exchangeBinding } from './exchange-seal.js';

/** @param seal with the deployment's master key, by purpose */
export async function sealExchangeAnswer(
  outcome: SignInExchangeOutcome,
  request: SignInExchangeRequest,
  seal: (purpose: string, plaintext: string, binding: string) => Uint8Array,
): Promise<SignInExchangeReply> {
  const { nonce, sid, userId } = request;
  const answer: SignInExchangeAnswer = { v: 1, nonce, sid, userId, outcome };
  const sealed = seal(EXCHANGE_SEAL, JSON.stringify(answer), exchangeBinding(request));
  const recipient = await importJWK(request.ephemeralKey, 'ECDH-ES');
  // Its schema rules that out.
  if (recipient instanceof Uint8Array) throw new TypeError('the ephemeral key is symmetric');
  return { answer: await encrypt(Buffer.from(sealed).toString('base64url'), typ.sealedExchange, recipient) };
}
