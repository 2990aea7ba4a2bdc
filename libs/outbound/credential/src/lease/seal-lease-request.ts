import { randomBytes } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type CryptoKey } from 'jose';
import type { Clock } from '@sallyport/kernel';
import { LeaseRequest } from '@sallyport/messages';
import { encrypt, sign, typ } from './lease-envelope.js';
import type { SealedToken } from './sealed-token.js';

/** What the gateway wants a credential for. `userId`, `clientId` and `sid` are the verified token's, and what the answer must name. */
export interface LeaseWish {
  readonly token: string;
  readonly userId: string;
  readonly clientId: string;
  readonly sid: string;
  readonly server: string;
  readonly targetOrigin: string;
  readonly policyRevision: number;
  /** `permit.policies.gatewayToServer`. */
  readonly policy?: string | undefined;
  /** A leased credential the server answered 401 to. */
  readonly rejectedConnectionRevision?: number | undefined;
  /** A leased credential that lacks these scopes, as the server says. */
  readonly stepUp?: { readonly connectionRevision: number; readonly scopes: readonly string[] } | undefined;
}

export interface LeaseRequester {
  /** The replica's enrolled name. */
  readonly replica: string;
  readonly replicaKey: CryptoKey;
  readonly leasePublicKey: CryptoKey;
  readonly clock: Clock;
}

/** What an answer must be bound to. Kept in memory until the answer came, then dropped with its key. */
export interface LeaseExpectation extends Omit<
  LeaseWish,
  'token' | 'policy' | 'rejectedConnectionRevision' | 'stepUp'
> {
  readonly replica: string;
  readonly nonce: string;
  readonly ephemeralKeyThumbprint: string;
  readonly ephemeralPrivateKey: CryptoKey;
}

/** Travels as the payload of `subjects.lease`. */
export interface LeaseRequestWire {
  readonly request: string;
}

/** A lease request with a nonce and a key of its own (security rule S21). */
export async function sealLeaseRequest(
  { token, policy, rejectedConnectionRevision, stepUp, ...wish }: LeaseWish,
  { replica, replicaKey, leasePublicKey, clock }: LeaseRequester,
): Promise<{ wire: LeaseRequestWire; expectation: LeaseExpectation }> {
  const ephemeral = await generateKeyPair('ECDH-ES', { crv: 'P-256', extractable: false });
  const { kty, crv, x, y } = await exportJWK(ephemeral.publicKey);
  const ephemeralKey = LeaseRequest.shape.ephemeralKey.parse({ kty, crv, x, y });
  const ephemeralKeyThumbprint = await calculateJwkThumbprint(ephemeralKey);
  const nonce = randomBytes(24).toString('base64url');
  const sealedToken = await encrypt(
    { token, replica, nonce, ephemeralKeyThumbprint } satisfies SealedToken,
    typ.sealedToken,
    leasePublicKey,
  );
  const request: LeaseRequest = {
    v: 1,
    replica,
    nonce,
    issuedAt: clock(),
    ephemeralKey,
    sealedToken,
    server: wish.server,
    targetOrigin: wish.targetOrigin,
    policyRevision: wish.policyRevision,
    ...(policy === undefined ? {} : { policy }),
    ...(rejectedConnectionRevision === undefined ? {} : { rejectedConnectionRevision }),
    ...(stepUp === undefined ? {} : { stepUp: { ...stepUp, scopes: [...stepUp.scopes] } }),
  };
  return {
    wire: { request: await sign(request, typ.request, replicaKey, replica) },
    expectation: { ...wish, replica, nonce, ephemeralKeyThumbprint, ephemeralPrivateKey: ephemeral.privateKey },
  };
}
