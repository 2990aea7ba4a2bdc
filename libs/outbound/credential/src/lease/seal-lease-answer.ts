import { importJWK, type CryptoKey } from 'jose';
import type { LeaseAnswer, LeaseOutcome } from '@sallyport/messages';
import { encrypt, sign, typ } from './lease-envelope.js';
import type { OpenedLeaseRequest } from './open-lease-request.js';

/** Travels as the reply to `subjects.lease`. A request that could not be opened is answered without `answer`. */
export interface LeaseAnswerWire {
  readonly answer: string;
}

/** For whom the responder answers: the subject of the token it verified itself. `policyRevision` is the one it decided under. */
export interface LeaseAnswerSubject {
  readonly userId: string;
  readonly clientId: string;
  readonly sid: string;
  readonly policyRevision: number;
}

/** A JWS of the control plane inside a JWE only the asking replica can open (security rule S21). */
export async function sealLeaseAnswer(
  outcome: LeaseOutcome,
  { request, ephemeralKeyThumbprint }: Pick<OpenedLeaseRequest, 'request' | 'ephemeralKeyThumbprint'>,
  subject: LeaseAnswerSubject,
  leaseSigning: { readonly kid: string; readonly privateKey: CryptoKey },
): Promise<LeaseAnswerWire> {
  const answer: LeaseAnswer = {
    v: 1,
    nonce: request.nonce,
    ephemeralKeyThumbprint,
    replica: request.replica,
    userId: subject.userId,
    clientId: subject.clientId,
    sid: subject.sid,
    server: request.server,
    targetOrigin: request.targetOrigin,
    policyRevision: subject.policyRevision,
    outcome,
  };
  const recipient = await importJWK(request.ephemeralKey, 'ECDH-ES');
  if (recipient instanceof Uint8Array) throw new TypeError('the ephemeral key is symmetric'); // its schema rules that out
  const jws = await sign(answer, typ.answer, leaseSigning.privateKey, leaseSigning.kid);
  return { answer: await encrypt(jws, typ.sealedAnswer, recipient) };
}
