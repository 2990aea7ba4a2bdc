import { readFileSync } from 'node:fs';
import { createSafeFetch, type OutboundProxy } from '@sallyport/safe-fetch';
import { z } from 'zod';
import { contextBytes, keyWrapperError, type KeyContext, type KeyWrapper } from '../key-wrapper.js';

export interface VaultTransitOptions {
  /** The file with the token. It is read for each call, so that Vault Agent may renew the token. */
  readonly tokenFile: string;
  readonly namespace?: string | undefined;
  /** PEM of private certificate authorities. */
  readonly extraCertificateAuthorities?: readonly string[];
  /** Used for https only: over http, the proxy would read the token and the keys. */
  readonly proxy?: OutboundProxy | undefined;
}

const Ciphertext = z.object({
  data: z.object({
    ciphertext: z
      .string()
      .regex(/^vault:v\d+:[A-Za-z0-9+/=]+$/)
      .max(4_096),
  }),
});
const Plaintext = z.object({ data: z.object({ plaintext: z.base64().max(4_096) }) });
const Refusal = z.object({ errors: z.array(z.string()) });

/**
 * Wraps with a key of the transit engine of HashiCorp Vault or OpenBao, over its HTTP API, which has no official client
 * for Node. The token needs `update` on `<mount>/encrypt/<key>` and `<mount>/decrypt/<key>`. The key must be an AEAD
 * key (aes256-gcm96): the context becomes its associated data, which Vault knows since 1.13.
 * @param name `vault-transit:<url>`
 * @param url `https://vault.example:8200/<mount>/keys/<key>`
 */
export function createVaultTransitWrapper(
  name: string,
  url: URL,
  { tokenFile, namespace, extraCertificateAuthorities = [], proxy }: VaultTransitOptions,
): KeyWrapper {
  const fetch = createSafeFetch({
    userAgent: 'sallyport-vault',
    allow: [{ host: url.hostname, http: url.protocol === 'http:' }],
    extraCertificateAuthorities,
    proxy: proxy && { ...proxy, http: undefined },
  });
  const [, mount = '', key = ''] = /^\/(.+)\/keys\/([^/]+)$/.exec(url.pathname) ?? [];

  const ask = async (
    operation: 'encrypt' | 'decrypt',
    input: Readonly<Record<string, string>>,
    context: KeyContext,
  ): Promise<unknown> => {
    const token = readToken(tokenFile, name);
    let answer: { status: number; body: unknown };
    try {
      const response = await fetch(new URL(`/v1/${mount}/${operation}/${key}`, url), {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-vault-request': 'true',
          'x-vault-token': token,
          ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
        },
        body: JSON.stringify({ ...input, associated_data: contextBytes(context).toString('base64') }),
      });
      answer = { status: response.status, body: await response.json() };
    } catch (cause) {
      throw keyWrapperError('key_service_unavailable', name, cause);
    }
    if (answer.status === 200) return answer.body;
    const reasons = Refusal.safeParse(answer.body).data?.errors ?? [];
    const cause = new Error(`${answer.status}: ${reasons.join('; ')}`);
    if (answer.status === 403) throw keyWrapperError('key_service_refused', name, cause);
    // Vault has one status for a bad key and a bad ciphertext; only its text tells which.
    const isKey =
      answer.status === 404 ||
      (answer.status === 400 &&
        (operation === 'encrypt' || reasons.some((reason) => reason.includes('key not found'))));
    if (isKey) throw keyWrapperError('wrapping_key_unusable', name, cause);
    throw keyWrapperError(answer.status === 400 ? 'wrapped_key_invalid' : 'key_service_unavailable', name, cause);
  };
  const parsed = <Output>(schema: z.ZodType<Output>, value: unknown): Output => {
    const result = schema.safeParse(value);
    if (!result.success) throw keyWrapperError('key_service_unavailable', name, result.error);
    return result.data;
  };
  return {
    name,
    async wrap(plaintext: Uint8Array, context: KeyContext): Promise<Uint8Array> {
      const answer = await ask('encrypt', { plaintext: Buffer.from(plaintext).toString('base64') }, context);
      return Buffer.from(parsed(Ciphertext, answer).data.ciphertext);
    },
    async unwrap(wrapped: Uint8Array, context: KeyContext): Promise<Uint8Array> {
      const answer = await ask('decrypt', { ciphertext: Buffer.from(wrapped).toString('latin1') }, context);
      return Buffer.from(parsed(Plaintext, answer).data.plaintext, 'base64');
    },
  };
}

function readToken(file: string, name: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw keyWrapperError('key_service_refused', name, cause);
  }
}
