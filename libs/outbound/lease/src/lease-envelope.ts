import { compactDecrypt, CompactEncrypt, compactVerify, CompactSign, type CryptoKey, type JWK } from 'jose';

/**
 * The envelopes of leases and of exchanges of sign-ins (security rule S21): JWS with EdDSA, JWE with ECDH-ES and
 * A256GCM, no compression. Each use has a `typ` of its own, so that no message passes for another.
 */
export const typ = {
  request: 'sallyport-lease-request+jwt',
  sealedToken: 'sallyport-lease-token+jwe',
  answer: 'sallyport-lease-answer+jwt',
  sealedAnswer: 'sallyport-lease-answer+jwe',
  exchangeRequest: 'sallyport-exchange-request+jwt',
  sealedExchange: 'sallyport-exchange-answer+jwe',
} as const;
type Typ = (typeof typ)[keyof typeof typ];

const encode = (value: unknown) => new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));

export function sign(payload: unknown, type: Typ, key: CryptoKey, kid: string): Promise<string> {
  return new CompactSign(encode(payload)).setProtectedHeader({ alg: 'EdDSA', typ: type, kid }).sign(key);
}

/** @throws when signature, algorithm or `typ` are not exactly these. */
export async function verify(jws: string, type: Typ, key: CryptoKey | JWK): Promise<unknown> {
  const { payload, protectedHeader } = await compactVerify(jws, key, { algorithms: ['EdDSA'] });
  if (protectedHeader.typ !== type) throw new TypeError(`typ is not ${type}`);
  return JSON.parse(new TextDecoder().decode(payload));
}

export function encrypt(plaintext: unknown, type: Typ, key: CryptoKey): Promise<string> {
  return new CompactEncrypt(encode(plaintext))
    .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM', typ: type })
    .encrypt(key);
}

/** @throws when it does not open, was compressed, or uses another algorithm or `typ`. */
export async function decrypt(jwe: string, type: Typ, key: CryptoKey): Promise<string> {
  const { plaintext, protectedHeader } = await compactDecrypt(jwe, key, {
    keyManagementAlgorithms: ['ECDH-ES'],
    contentEncryptionAlgorithms: ['A256GCM'],
    maxDecompressedLength: 0, // refuses every compressed one
  });
  if (protectedHeader.typ !== type) throw new TypeError(`typ is not ${type}`);
  return new TextDecoder().decode(plaintext);
}
