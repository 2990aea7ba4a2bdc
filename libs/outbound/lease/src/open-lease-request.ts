import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader, type CryptoKey } from 'jose';
import { z } from 'zod';
import type { Clock } from '@sallyport/kernel';
import { LeaseRequest } from '@sallyport/messages';
import { decrypt, typ, verify } from './lease-envelope.js';
import { SealedToken } from './sealed-token.js';
import type { SeenNonces } from './seen-nonces.js';

/** How far a replica's clock may be off. */
const MAX_SKEW_MS = 60_000;

export interface LeaseResponderKeys {
  readonly enrolledKeys: { find(replica: string): Promise<CryptoKey | undefined> };
  readonly leasePrivateKey: CryptoKey;
  readonly clock: Clock;
  readonly seenNonces: SeenNonces;
}

/** A request of an enrolled replica, fresh and first of its kind. The token inside is not verified yet. */
export interface OpenedLeaseRequest {
  readonly request: LeaseRequest;
  readonly token: string;
  readonly ephemeralKeyThumbprint: string;
}
export type LeaseRequestRefusal =
  | 'malformed'
  | 'unknown_replica'
  | 'bad_signature'
  | 'stale'
  | 'replayed'
  | 'too_many'
  | 'token_not_sealed_for_this_request';
export type OpenLeaseRequestResult =
  | ({ readonly ok: true } & OpenedLeaseRequest)
  | { readonly ok: false; readonly reason: LeaseRequestRefusal; readonly replica?: string };

const Wire = z.object({ request: z.string().max(65_536) });

/** Security rule S21, on the control plane. Nothing inside is believed before the enrolled key's signature held. */
export async function openLeaseRequest(
  wire: unknown,
  { enrolledKeys, leasePrivateKey, clock, seenNonces }: LeaseResponderKeys,
): Promise<OpenLeaseRequestResult> {
  const envelope = Wire.safeParse(wire);
  const replica = envelope.success ? replicaNamedIn(envelope.data.request) : undefined;
  if (!envelope.success || replica === undefined) return { ok: false, reason: 'malformed' };
  const key = await enrolledKeys.find(replica);
  if (!key) return { ok: false, reason: 'unknown_replica' };
  const payload = await verify(envelope.data.request, typ.request, key).catch(() => undefined);
  if (payload === undefined) return { ok: false, reason: 'bad_signature' };
  const parsed = LeaseRequest.safeParse(payload);
  if (!parsed.success || parsed.data.replica !== replica) return { ok: false, reason: 'malformed', replica };
  const request = parsed.data;
  const now = clock();
  if (Math.abs(now - request.issuedAt) > MAX_SKEW_MS) return { ok: false, reason: 'stale', replica };
  const ephemeralKeyThumbprint = await calculateJwkThumbprint(request.ephemeralKey);
  const token = await openToken(request, ephemeralKeyThumbprint, leasePrivateKey);
  // Whose room a nonce takes up is what an enrolled gateway says, which verified the token: nothing else goes by it.
  const remembered = seenNonces.remember(
    request.nonce,
    { replica, userId: subjectOf(token) },
    now,
    request.issuedAt + MAX_SKEW_MS,
  );
  if (remembered !== 'new') return { ok: false, reason: remembered === 'seen' ? 'replayed' : 'too_many', replica };
  if (token === undefined) return { ok: false, reason: 'token_not_sealed_for_this_request', replica };
  return { ok: true, request, token, ephemeralKeyThumbprint };
}

function subjectOf(token: string | undefined): string {
  try {
    return decodeJwt(token ?? '').sub ?? '';
  } catch {
    return ''; // refused later, as what it is
  }
}

function replicaNamedIn(jws: string): string | undefined {
  try {
    const { kid } = decodeProtectedHeader(jws);
    return typeof kid === 'string' ? kid : undefined;
  } catch {
    return undefined; // not a JWS
  }
}

async function openToken(
  request: LeaseRequest,
  ephemeralKeyThumbprint: string,
  leasePrivateKey: CryptoKey,
): Promise<string | undefined> {
  let opened: unknown;
  try {
    opened = JSON.parse(await decrypt(request.sealedToken, typ.sealedToken, leasePrivateKey));
  } catch {
    return undefined; // sealed to another key, altered, or in another format
  }
  const sealed = SealedToken.safeParse(opened);
  if (!sealed.success) return undefined;
  const { token, ...binding } = sealed.data;
  const bound =
    binding.replica === request.replica &&
    binding.nonce === request.nonce &&
    binding.ephemeralKeyThumbprint === ephemeralKeyThumbprint;
  return bound ? token : undefined;
}
