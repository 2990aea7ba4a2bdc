import { randomBytes } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type CryptoKey } from 'jose';
import type { Clock } from '@sallyport/kernel';
import { LeaseRequest } from '@sallyport/messages';
import { encrypt, sign, typ } from './lease-envelope.js';
import type { SealedToken } from './sealed-token.js';

/** The call that needs a credential. The answer must name the `userId`, `clientId` and `sid` of the verified token. */
export interface RequestedLease {
  readonly token: string;
  readonly userId: string;
  readonly clientId: string;
  readonly sid: string;
  readonly server: string;
  readonly targetOrigin: string;
  readonly policyRevision: number;
  /** `permit.policies.gatewayToServer`. */
  readonly policy?: string | undefined;
  /** The server answered 401 to the credential of this revision. */
  readonly rejectedConnectionRevision?: number | undefined;
  /** The server answered that the credential of this revision lacks these scopes. */
  readonly stepUp?: { readonly connectionRevision: number; readonly scopes: readonly string[] } | undefined;
}

export interface LeaseRequester {
  /** The replica's enrolled name. */
  readonly replica: string;
  readonly replicaKey: CryptoKey;
  readonly leasePublicKey: CryptoKey;
  readonly clock: Clock;
}

/**
 * What the answer must be bound to. The gateway keeps it in memory until the answer came, then drops it with its key.
 */
export interface LeaseExpectation extends Omit<
  RequestedLease,
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

/** Signs and seals a lease request with a nonce and a key of its own (security rule S21). */
export async function sealLeaseRequest(
  { token, policy, rejectedConnectionRevision, stepUp, ...requested }: RequestedLease,
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
    server: requested.server,
    targetOrigin: requested.targetOrigin,
    policyRevision: requested.policyRevision,
    ...(policy === undefined ? {} : { policy }),
    ...(rejectedConnectionRevision === undefined ? {} : { rejectedConnectionRevision }),
    ...(stepUp === undefined ? {} : { stepUp: { ...stepUp, scopes: [...stepUp.scopes] } }),
  };
  return {
    wire: { request: await sign(request, typ.request, replicaKey, replica) },
    expectation: { ...requested, replica, nonce, ephemeralKeyThumbprint, ephemeralPrivateKey: ephemeral.privateKey },
  };
}
