import { constants, createHash, createHmac, randomBytes, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { httpbis } from 'http-message-signatures';
import type { SignableRequest } from './request-credential.js';

/** RFC 9421 section 3.3. */
export const HTTP_SIGNATURE_ALGORITHMS = [
  'ed25519',
  'ecdsa-p256-sha256',
  'ecdsa-p384-sha384',
  'rsa-pss-sha512',
  'hmac-sha256',
] as const;
export type HttpSignatureAlgorithm = (typeof HTTP_SIGNATURE_ALGORITHMS)[number];

export interface HttpMessageSigning {
  readonly key: KeyObject;
  readonly keyId: string;
  readonly algorithm: HttpSignatureAlgorithm;
  /**
   * Component identifiers without parameters; what a request does not have is left out. Everything that matters unless
   * said.
   */
  readonly components?: readonly string[] | undefined;
  /** From `created` to `expires`. */
  readonly lifetimeSeconds: number;
  readonly tag?: string | undefined;
}

const LABEL = 'sallyport';
/** Say nothing about what is asked for, or by whom; proxies may change them. */
const UNSIGNED = new Set(['user-agent', 'accept']);

/**
 * HTTP Message Signatures (RFC 9421) over method, target, headers and, by its digest (RFC 9530), the body. `nonce`,
 * `created` and `expires` let the server refuse what it has seen.
 * @param now milliseconds since the epoch
 */
export async function signHttpMessage(
  { method, url, headers, body }: SignableRequest,
  { key, keyId, algorithm, components, lifetimeSeconds, tag }: HttpMessageSigning,
  now: number,
): Promise<Record<string, string>> {
  const digest =
    body === '' ? {} : { 'content-digest': `sha-256=:${createHash('sha256').update(body).digest('base64')}:` };
  const sent: Record<string, string> = { ...headers, ...digest };
  const wanted = components ?? [
    '@method',
    '@target-uri',
    ...Object.keys(sent)
      .filter((name) => !UNSIGNED.has(name))
      .toSorted(),
  ];
  const created = new Date(now);
  const { headers: signed } = await httpbis.signMessage(
    {
      name: LABEL,
      key: { id: keyId, alg: algorithm, sign: (base) => Promise.resolve(signBytes(base, key, algorithm)) },
      fields: wanted.filter((name) => name.startsWith('@') || sent[name] !== undefined),
      params: ['created', 'expires', 'nonce', 'keyid', 'alg', ...(tag === undefined ? [] : ['tag'])],
      paramValues: {
        created,
        expires: new Date(now + lifetimeSeconds * 1000),
        nonce: randomBytes(16).toString('base64url'),
        keyid: keyId,
        alg: algorithm,
        ...(tag === undefined ? {} : { tag }),
      },
    },
    { method, url: url.href, headers: sent },
  );
  return { ...digest, 'signature-input': String(signed['Signature-Input']), signature: String(signed['Signature']) };
}

/** RFC 9421 section 3.3: ECDSA as the two numbers, PSS with a salt as long as its digest. */
export function signBytes(bytes: Buffer, key: KeyObject, algorithm: HttpSignatureAlgorithm): Buffer {
  switch (algorithm) {
    case 'hmac-sha256':
      return createHmac('sha256', key).update(bytes).digest();
    case 'ed25519':
      return sign(null, bytes, key);
    case 'ecdsa-p256-sha256':
      return sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' });
    case 'ecdsa-p384-sha384':
      return sign('sha384', bytes, { key, dsaEncoding: 'ieee-p1363' });
    case 'rsa-pss-sha512':
      return sign('sha512', bytes, {
        key,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      });
  }
}
