import { readFileSync } from 'node:fs';
import { createSafeFetch } from '@sallyport/safe-fetch';
import { z } from 'zod';
import { contextBytes, keyWrapperError, type KeyContext, type KeyWrapper } from '../key-wrapper.js';

export interface VaultTransitOptions {
  /** Holds the token; read each time, so that an agent beside us may renew it. */
  readonly tokenFile: string;
  readonly namespace?: string | undefined;
  /** PEM of private authorities. */
  readonly extraCertificateAuthorities?: readonly string[];
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
 * A key of HashiCorp Vault's (or OpenBao's) transit engine, by its HTTP API: there is no client of theirs for Node.
 * Wants `update` on `<mount>/encrypt/<key>` and `<mount>/decrypt/<key>`, and an AEAD key (aes256-gcm96), whose associated data
 * the context is; Vault 1.13 is the first that knows it.
 * @param name `vault-transit:<url>` @param url `https://vault.example:8200/<mount>/keys/<key>`
 */
export function createVaultTransitWrapper(
  name: string,
  url: URL,
  { tokenFile, namespace, extraCertificateAuthorities = [] }: VaultTransitOptions,
): KeyWrapper {
  const fetch = createSafeFetch({
    userAgent: 'sallyport-vault',
    allow: [{ host: url.hostname, http: url.protocol === 'http:' }],
    extraCertificateAuthorities,
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
    // One status for both: the key is named in words only.
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
