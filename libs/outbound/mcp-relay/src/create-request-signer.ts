import { createPrivateKey, createSecretKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { SallyportError } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import type { RequestSigner } from './request-credential.js';
import { signAwsRequest } from './sign-aws-request.js';
import type { AwsSigningKeys } from './sign-aws-request.js';
import { signHttpMessage } from './sign-http-message.js';
import type { HttpMessageSigning } from './sign-http-message.js';

/** How requests with a leased credential are signed. The keys are in memory only. */
export type RequestSigning =
  | ({ readonly method: 'aws-sigv4' } & AwsSigningKeys)
  | ({
      readonly method: 'http-message';
      /** A private or symmetric JWK. */ readonly key: Readonly<Record<string, unknown>>;
    } & Omit<HttpMessageSigning, 'key'>);

/**
 * Signs with each in turn, the later over what the earlier added. Keys are parsed once.
 * @throws SallyportError `signing_key_invalid`
 */
export function createRequestSigner(signings: readonly RequestSigning[], clock: Clock): RequestSigner {
  const signers = signings.map((signing): RequestSigner => {
    if (signing.method === 'aws-sigv4') return (request) => signAwsRequest(request, signing, clock());
    const key = keyOf(signing.key);
    return (request) => signHttpMessage(request, { ...signing, key }, clock());
  });
  return async (request) => {
    let added: Record<string, string> = {};
    for (const sign of signers)
      added = { ...added, ...(await sign({ ...request, headers: { ...request.headers, ...added } })) };
    return added;
  };
}

function keyOf(jwk: Readonly<Record<string, unknown>>): KeyObject {
  try {
    return jwk['kty'] === 'oct'
      ? createSecretKey(Buffer.from(String(jwk['k']), 'base64url'))
      : createPrivateKey({ key: jwk, format: 'jwk' });
  } catch {
    // The library's own error may quote the key.
    throw new SallyportError('signing_key_invalid', 'A key to sign requests with cannot be used.');
  }
}
