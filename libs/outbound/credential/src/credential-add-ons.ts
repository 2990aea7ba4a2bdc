import { durationSeconds } from '@sallyport/kernel';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { CredentialAddOns } from '@sallyport/configuration';
import type { Clock, Secret } from '@sallyport/kernel';
import type { RequestSigning } from '@sallyport/messages';
import { z } from 'zod';
import type { ConfiguredTarget } from '@sallyport/connection';
import type { FindSecret } from '@sallyport/oauth';
import { serverTitle } from '@sallyport/server';
import type { GrantedLease, ProviderRefusal } from './provider-lease.js';

/** Each is an administrator's to mend. */
export type AddOnRefusal =
  | 'client_certificate_origin'
  | 'client_certificate_missing'
  | 'client_certificate_invalid'
  | 'client_certificate_key_mismatch'
  | 'client_certificate_not_yet_valid'
  | 'client_certificate_expired'
  | 'signing_key_origin'
  | 'signing_key_missing'
  | 'signing_key_invalid';
type Refused = ProviderRefusal & { readonly reason: AddOnRefusal };

/**
 * RFC 7517, RFC 8037: what we can sign with; nothing else of the file travels. A symmetric key is as long as its
 * digest.
 */
const SigningKey = z.discriminatedUnion('kty', [
  z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: z.string(), d: z.string() }),
  z.object({ kty: z.literal('EC'), crv: z.enum(['P-256', 'P-384']), x: z.string(), y: z.string(), d: z.string() }),
  z.object({
    kty: z.literal('RSA'),
    n: z.string().min(342),
    e: z.string(),
    d: z.string(),
    p: z.string(),
    q: z.string(),
    dp: z.string(),
    dq: z.string(),
    qi: z.string(),
  }),
  z.object({ kty: z.literal('oct'), k: z.string().regex(/^[\w-]{43,1366}$/) }),
]);

/**
 * `clientCertificate` and `requestSigning`: what a credential of any kind is shown with, to the origin they are for and
 * no other (S20). The private keys go to the gateway sealed with the lease, and nowhere else (S21, S27).
 */
export async function withAddOns(
  lease: GrantedLease,
  { server, provider }: ConfiguredTarget,
  { findSecret, clock }: { findSecret: FindSecret; clock: Clock },
): Promise<GrantedLease | Refused> {
  const { clientCertificate, requestSigning }: CredentialAddOns = provider.spec;
  const { origin } = new URL(server.spec.url);
  const secret = (field: string) => findSecret(`CredentialProvider/${provider.name}/${field}`);
  const refused = (reason: AddOnRefusal): Refused => ({
    type: 'refused',
    reason,
    message: `The key that ${serverTitle(server)} wants to see cannot be used. An administrator has to see to it.`,
  });
  let result = lease;
  if (clientCertificate) {
    if (clientCertificate.origin !== origin) return refused('client_certificate_origin');
    const read = readClientCertificate(await secret('certificate'), await secret('privateKey'), clock());
    if (typeof read === 'string') return refused(read);
    const { secondsLeft, ...certificate } = read;
    result = {
      ...result,
      clientCertificate: certificate,
      expiresInSeconds: Math.min(result.expiresInSeconds, secondsLeft),
    };
  }
  if (requestSigning) {
    if (requestSigning.origin !== origin) return refused('signing_key_origin');
    const read = readSigningKey(await secret('signingKey'));
    const keyId = requestSigning.keyId ?? (typeof read === 'string' ? undefined : read.kid);
    if (typeof read === 'string' || keyId === undefined)
      return refused(typeof read === 'string' ? read : 'signing_key_invalid');
    const { components, lifetime, tag } = requestSigning;
    const signing: RequestSigning = {
      method: 'http-message',
      key: read.key,
      algorithm: read.algorithm,
      keyId,
      lifetimeSeconds: durationSeconds(lifetime) ?? 0,
      ...(components === undefined ? {} : { components }),
      ...(tag === undefined ? {} : { tag }),
    };
    result = { ...result, signings: [...(result.signings ?? []), signing] };
  }
  return result;
}

function readClientCertificate(
  certificate: Secret | undefined,
  privateKey: Secret | undefined,
  now: number,
): { certificate: string; privateKey: string; secondsLeft: number } | AddOnRefusal {
  if (!certificate || !privateKey) return 'client_certificate_missing';
  const pem = { certificate: certificate.reveal(), privateKey: privateKey.reveal() };
  let parsed: X509Certificate;
  let isPair: boolean;
  try {
    parsed = new X509Certificate(pem.certificate); // the first one in it
    isPair = parsed.checkPrivateKey(createPrivateKey(pem.privateKey));
  } catch {
    return 'client_certificate_invalid'; // not PEM, or a key with a passphrase
  }
  if (!isPair) return 'client_certificate_key_mismatch';
  if (parsed.validFromDate.getTime() > now) return 'client_certificate_not_yet_valid';
  const secondsLeft = Math.floor((parsed.validToDate.getTime() - now) / 1000);
  return secondsLeft < 1 ? 'client_certificate_expired' : { ...pem, secondsLeft };
}

function readSigningKey(secret: Secret | undefined):
  | {
      key: z.infer<typeof SigningKey>;
      kid: string | undefined;
      algorithm: Extract<RequestSigning, { method: 'http-message' }>['algorithm'];
    }
  | AddOnRefusal {
  if (!secret) return 'signing_key_missing';
  try {
    const json: unknown = JSON.parse(secret.reveal());
    const key = SigningKey.parse(json);
    if (key.kty !== 'oct') createPrivateKey({ key, format: 'jwk' });
    const { kid } = z
      .object({
        kid: z
          .string()
          .regex(/^[\x20-\x7E]{1,256}$/)
          .optional(),
      })
      .parse(json);
    return { key, kid, algorithm: algorithmOf(key) };
  } catch {
    return 'signing_key_invalid'; // whatever was wrong with it may quote it
  }
}

function algorithmOf(key: z.infer<typeof SigningKey>) {
  switch (key.kty) {
    case 'OKP':
      return 'ed25519';
    case 'EC':
      return key.crv === 'P-256' ? 'ecdsa-p256-sha256' : 'ecdsa-p384-sha384';
    case 'RSA':
      return 'rsa-pss-sha512';
    case 'oct':
      return 'hmac-sha256';
  }
}

/** The document's schema allows `30s` and `5m`. */
