import type { CryptoKey } from 'jose';
import { z } from 'zod';
import { SallyportError } from '@sallyport/kernel';
import { LeaseAnswer, LeaseTokenRefused, type LeaseOutcome } from '@sallyport/messages';
import { decrypt, typ, verify } from './lease-envelope.js';
import type { LeaseExpectation } from './seal-lease-request.js';

const Wire = z.object({ answer: z.string().max(262_144) });
/** Security rule S11: what a lease may never set. */
const FORBIDDEN_HEADER = new RegExp(
  `^(${[
    'host|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade',
    'content-length|content-type|content-encoding|expect|cookie|mcp-.*',
  ].join('|')})$`,
  'i',
);

/** What binds an answer to its request, and a credential to the caller. */
const OF_REQUEST = ['nonce', 'ephemeralKeyThumbprint', 'replica', 'server', 'targetOrigin'] as const;
const OF_CALLER = ['userId', 'clientId', 'sid'] as const;

/**
 * Security rules S20 and S21, on the gateway: the answer is the control plane's, to this very request, for this user,
 * agent and session, for the origin about to be called, and, unless it only says "not now", decided under a policy at
 * least as new as ours. An answer that refuses the token names no caller, and grants nothing.
 * @throws SallyportError `lease_answer_invalid`; the detail says which check failed.
 */
export async function openLeaseAnswer(
  wire: unknown,
  expectation: LeaseExpectation,
  { leaseSigningPublicKey }: { leaseSigningPublicKey: CryptoKey },
): Promise<LeaseOutcome | LeaseTokenRefused['outcome']> {
  const envelope = Wire.safeParse(wire);
  if (!envelope.success) throw invalid('envelope');
  const jws = await decrypt(envelope.data.answer, typ.sealedAnswer, expectation.ephemeralPrivateKey).catch(
    (cause: unknown) => Promise.reject(invalid('decryption', cause)),
  );
  const payload = await verify(jws, typ.answer, leaseSigningPublicKey).catch((cause: unknown) =>
    Promise.reject(invalid('signature', cause)),
  );
  const parsed = z.union([LeaseTokenRefused, LeaseAnswer]).safeParse(payload);
  if (!parsed.success) throw invalid('shape');
  const answer = parsed.data;
  for (const name of OF_REQUEST) if (answer[name] !== expectation[name]) throw invalid(name);
  if (!isAboutCaller(answer)) return answer.outcome;
  for (const name of OF_CALLER) if (answer[name] !== expectation[name]) throw invalid(name);
  // "Not now" is also what a control plane says that has not got our policy yet; it gives nothing away.
  if (answer.policyRevision < expectation.policyRevision && answer.outcome.type !== 'provider_unavailable')
    throw invalid('policyRevision');
  if (
    answer.outcome.type === 'granted' &&
    Object.keys(answer.outcome.headers).some((name) => FORBIDDEN_HEADER.test(name))
  )
    throw invalid('headers');
  return answer.outcome;
}

function isAboutCaller(answer: LeaseAnswer | LeaseTokenRefused): answer is LeaseAnswer {
  return answer.outcome.type !== 'token_refused';
}

function invalid(check: string, cause?: unknown): SallyportError<'lease_answer_invalid'> {
  return new SallyportError('lease_answer_invalid', 'The credential service gave an answer that cannot be trusted.', {
    detail: { check },
    cause,
  });
}
