import { createHash } from 'node:crypto';
import type { CryptographyClientOptions } from '@azure/keyvault-keys';
import { SallyportError } from '@sallyport/kernel';
import {
  contextBytes,
  keyWrapperError,
  type KeyContext,
  type KeyWrapper,
  type KeyWrapperErrorCode,
} from '../key-wrapper.js';
import { loadClient } from './load-client.js';

/** The part of `@azure/identity`'s TokenCredential that the client uses. */
export interface AzureCredential {
  getToken(scopes: string | string[]): Promise<{ token: string; expiresOnTimestamp: number } | null>;
}

const LENGTH_BYTES = 2;
const WRAPPING = 'RSA-OAEP-256';
const SIGNING = 'PS256';
const IDENTITY = '@azure/identity';

/**
 * Wraps with an RSA key of Azure Key Vault. Anybody with the public half can wrap with such a key, and it authenticates
 * no context. So the same key also signs the wrapped key together with the context: only a holder of the key can have
 * made that signature. The key needs the operations wrapKey, unwrapKey, sign and verify.
 *
 * The result is `length of the wrapped key (2 bytes, big-endian) ‖ wrapped key ‖ signature`.
 * @param name `azure-keyvault:<key id>`
 * @param id the key id with its version
 * @param options private certificate authorities; `credential` is for tests
 */
export async function createAzureKeyVaultWrapper(
  name: string,
  id: string,
  { credential, ...options }: CryptographyClientOptions & { credential?: AzureCredential } = {},
): Promise<KeyWrapper> {
  const keys = await loadClient(() => import('@azure/keyvault-keys'), '@azure/keyvault-keys @azure/identity');
  const client = new keys.CryptographyClient(id, credential ?? (await defaultCredential()), {
    ...options,
    retryOptions: { maxRetries: 2, retryDelayInMs: 500, ...options.retryOptions },
  });
  const digestOf = (wrapped: Uint8Array, context: KeyContext) =>
    createHash('sha256').update(contextBytes(context)).update(Buffer.of(0)).update(wrapped).digest();
  const failed = (cause: unknown, isUnwrapping: boolean) => keyWrapperError(codeOf(cause, isUnwrapping), name, cause);
  return {
    name,
    async wrap(key: Uint8Array, context: KeyContext): Promise<Uint8Array> {
      try {
        const { result: wrapped } = await client.wrapKey(WRAPPING, key);
        const { result: signature } = await client.sign(SIGNING, digestOf(wrapped, context));
        const length = Buffer.alloc(LENGTH_BYTES);
        length.writeUInt16BE(wrapped.length);
        return Buffer.concat([length, wrapped, signature]);
      } catch (cause) {
        throw failed(cause, false);
      }
    },
    async unwrap(value: Uint8Array, context: KeyContext): Promise<Uint8Array> {
      const end = LENGTH_BYTES + (value.length > LENGTH_BYTES ? Buffer.from(value).readUInt16BE() : 0);
      const [wrapped, signature] = [value.subarray(LENGTH_BYTES, end), value.subarray(end)];
      if (wrapped.length === 0 || signature.length === 0) throw keyWrapperError('wrapped_key_invalid', name);
      let isOurs: boolean;
      try {
        isOurs = (await client.verify(SIGNING, digestOf(wrapped, context), signature)).result;
      } catch (cause) {
        throw failed(cause, true);
      }
      if (!isOurs) throw keyWrapperError('wrapped_key_invalid', name);
      try {
        return (await client.unwrapKey(WRAPPING, wrapped)).result;
      } catch (cause) {
        throw failed(cause, true);
      }
    },
  };
}

/** Managed identity, workload identity or environment, in the order of `DefaultAzureCredential`. */
async function defaultCredential(): Promise<AzureCredential> {
  const identity = await loadClient<unknown>(() => import(IDENTITY), IDENTITY);
  const make =
    typeof identity === 'object' && identity !== null && 'DefaultAzureCredential' in identity
      ? identity.DefaultAzureCredential
      : undefined;
  const made: unknown = typeof make === 'function' ? Reflect.construct(make, []) : undefined;
  if (!isCredential(made))
    throw new SallyportError(
      'key_service_client_missing',
      `Sallyport cannot use this version of ${IDENTITY}: install one that exports DefaultAzureCredential.`,
    );
  return made;
}

function isCredential(value: unknown): value is AzureCredential {
  return typeof value === 'object' && value !== null && 'getToken' in value && typeof value.getToken === 'function';
}

function codeOf(cause: unknown, isUnwrapping: boolean): KeyWrapperErrorCode {
  const status = cause instanceof Error && 'statusCode' in cause ? cause.statusCode : undefined;
  const inner = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (
    cause instanceof Error &&
    /^(CredentialUnavailableError|AuthenticationError|AggregateAuthenticationError)$/.test(cause.name)
  )
    return 'key_service_refused';
  if (status === 404 || (status === 403 && /KeyDisabled|Disabled/.test(`${inner} ${innerCodeOf(cause)}`)))
    return 'wrapping_key_unusable';
  if (status === 401 || status === 403) return 'key_service_refused';
  if (status === 400) return isUnwrapping ? 'wrapped_key_invalid' : 'wrapping_key_unusable';
  return 'key_service_unavailable';
}

/** The inner error code. The service sends `{ error: { code, innererror: { code } } }`. */
function innerCodeOf(cause: unknown): string {
  let at: unknown = cause;
  for (const name of ['details', 'error', 'innerError', 'code'])
    at = typeof at === 'object' && at !== null && name in at ? (at as Record<string, unknown>)[name] : undefined;
  return typeof at === 'string' ? at : '';
}
