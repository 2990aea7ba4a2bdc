import type { CryptoKey, JWK } from 'jose';
import type { Clock } from '@sallyport/kernel';
import { SignInExchangeRequest, SignInExchangeWire } from '@sallyport/messages';
import { typ, verify } from '../lease-envelope.js';
import type { SeenNonces } from '../seen-nonces.js';

/** How far the control plane's clock may be off. */
const MAX_SKEW_MS = 60_000;

/** A request of the control plane, fresh and first of its kind; undefined for anything else. */
export async function openExchangeRequest(
  payload: unknown,
  { controlPlaneKey, seenNonces, clock }: { controlPlaneKey: CryptoKey | JWK; seenNonces: SeenNonces; clock: Clock },
): Promise<SignInExchangeRequest | undefined> {
  const wire = SignInExchangeWire.safeParse(payload);
  const signed = wire.success
    ? await verify(wire.data.request, typ.exchangeRequest, controlPlaneKey).catch(() => undefined)
    : undefined;
  const { data: request } = SignInExchangeRequest.safeParse(signed);
  const now = clock();
  if (!request || Math.abs(now - request.issuedAt) > MAX_SKEW_MS) return undefined;
  const owner = { replica: 'control-plane', userId: request.userId };
  return seenNonces.remember(request.nonce, owner, now, request.issuedAt + MAX_SKEW_MS) === 'new' ? request : undefined;
}
