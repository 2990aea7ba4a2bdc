import type { SignInExchangeRequest } from '@sallyport/messages';

/** What the master key is used for here. */
export const EXCHANGE_SEAL = 'sign-in-exchange';

/** An answer opens for the request it was made for and for no other. */
export function exchangeBinding({
  nonce,
  ephemeralKey: { x, y },
  sid,
  userId,
  clientId,
  server,
  credentialProvider,
}: SignInExchangeRequest): string {
  return JSON.stringify([nonce, x, y, sid, userId, clientId, server, credentialProvider]);
}
