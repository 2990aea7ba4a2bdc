import { randomBytes } from 'node:crypto';
import { exportJWK, generateKeyPair, type CryptoKey } from 'jose';
import { SallyportError, type Clock } from '@sallyport/kernel';
import {
  SignInExchangeAnswer,
  SignInExchangeReply,
  SignInExchangeRequest,
  type SignInExchangeOutcome,
  type SignInExchangeWire,
} from '@sallyport/messages';
import { decrypt, sign, typ } from '../lease-envelope.js';
import { EXCHANGE_SEAL, exchangeBinding } from './exchange-seal.js';

export type RequestedExchange = Omit<SignInExchangeRequest, 'v' | 'nonce' | 'issuedAt' | 'ephemeralKey'>;

export interface ExchangeRequester {
  /** The control plane's configuration key, whose public half is pinned at the authorization server. */
  readonly signingKey: CryptoKey;
  /** With the deployment's master key, by purpose; rejects what was not sealed with it for that. */
  readonly open: (purpose: string, sealed: Uint8Array, binding: string) => Uint8Array;
  /** Request/reply to the authorization server. */
  readonly send: (wire: SignInExchangeWire) => Promise<unknown>;
  readonly clock: Clock;
}

/**
 * Asks the authorization server to exchange what a user signed in with. An answer proves that its sender holds the
 * master key, and that it is for this request, session and user. Only this process can read it (security rule S21).
 * @returns undefined when the request was not taken
 * @throws SallyportError `exchange_answer_invalid`, and what `send` throws
 */
export async function askForExchange(
  requested: RequestedExchange,
  { signingKey, open, send, clock }: ExchangeRequester,
): Promise<SignInExchangeOutcome | undefined> {
  const ephemeral = await generateKeyPair('ECDH-ES', { crv: 'P-256', extractable: false });
  const { kty, crv, x, y } = await exportJWK(ephemeral.publicKey);
  const request = SignInExchangeRequest.parse({
    v: 1,
    nonce: randomBytes(24).toString('base64url'),
    issuedAt: clock(),
    ephemeralKey: { kty, crv, x, y },
    ...requested,
  });
  const reply = SignInExchangeReply.safeParse(
    await send({ request: await sign(request, typ.exchangeRequest, signingKey, 'configuration') }),
  );
  if (!reply.success) throw invalid('envelope');
  if (reply.data.answer === undefined) return undefined;
  let answer: SignInExchangeAnswer;
  try {
    const sealed = Buffer.from(await decrypt(reply.data.answer, typ.sealedExchange, ephemeral.privateKey), 'base64url');
    answer = SignInExchangeAnswer.parse(
      JSON.parse(Buffer.from(open(EXCHANGE_SEAL, sealed, exchangeBinding(request))).toString('utf8')),
    );
  } catch (cause) {
    throw invalid('seal', cause);
  }
  for (const name of ['nonce', 'sid', 'userId'] as const) if (answer[name] !== request[name]) throw invalid(name);
  return answer.outcome;
}

function invalid(check: string, cause?: unknown): SallyportError<'exchange_answer_invalid'> {
  return new SallyportError(
    'exchange_answer_invalid',
    'The authorization server gave an answer that cannot be trusted.',
    { detail: { check }, cause },
  );
}
