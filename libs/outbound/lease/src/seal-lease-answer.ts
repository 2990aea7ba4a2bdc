import { importJWK, type CryptoKey } from 'jose';
import type { LeaseAnswer, LeaseOutcome, LeaseTokenRefused } from '@sallyport/messages';
import { encrypt, sign, typ } from './lease-envelope.js';
import type { OpenedLeaseRequest } from './open-lease-request.js';

/** Travels as the reply to `subjects.lease`. A request that could not be opened is answered without `answer`. */
export interface LeaseAnswerWire {
  readonly answer: string;
}

type Opened = Pick<OpenedLeaseRequest, 'request' | 'ephemeralKeyThumbprint'>;
interface LeaseSigningKey {
  readonly kid: string;
  readonly privateKey: CryptoKey;
}

/** The subject of the token that the responder verified itself, and the `policyRevision` under which it decided. */
export interface LeaseAnswerSubject {
  readonly userId: string;
  readonly clientId: string;
  readonly sid: string;
  readonly policyRevision: number;
}

/** A JWS of the control plane inside a JWE only the asking replica can open (security rule S21). */
export async function sealLeaseAnswer(
  outcome: LeaseOutcome,
  opened: Opened,
  subject: LeaseAnswerSubject,
  leaseSigning: LeaseSigningKey,
): Promise<LeaseAnswerWire> {
  const { userId, clientId, sid, policyRevision } = subject;
  return seal({ ...toRequest(opened), userId, clientId, sid, policyRevision, outcome }, opened, leaseSigning);
}

/** The answer to a request whose token is not accepted. It is sealed, so that only the responder can say so. */
export async function sealTokenRefusal(opened: Opened, leaseSigning: LeaseSigningKey): Promise<LeaseAnswerWire> {
  return seal({ ...toRequest(opened), outcome: { type: 'token_refused' } }, opened, leaseSigning);
}

function toRequest({ request, ephemeralKeyThumbprint }: Opened) {
  const { nonce, replica, server, targetOrigin } = request;
  return { v: 1, nonce, ephemeralKeyThumbprint, replica, server, targetOrigin } as const;
}

async function seal(
  answer: LeaseAnswer | LeaseTokenRefused,
  { request }: Opened,
  leaseSigning: LeaseSigningKey,
): Promise<LeaseAnswerWire> {
  const recipient = await importJWK(request.ephemeralKey, 'ECDH-ES');
  // Its schema rules that out.
  if (recipient instanceof Uint8Array) throw new TypeError('the ephemeral key is symmetric');
  const jws = await sign(answer, typ.answer, leaseSigning.privateKey, leaseSigning.kid);
  return { answer: await encrypt(jws, typ.sealedAnswer, recipient) };
}
