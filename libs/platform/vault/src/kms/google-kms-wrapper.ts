import type { v1 } from '@google-cloud/kms';
import { z } from 'zod';
import {
  contextBytes,
  keyWrapperError,
  type KeyContext,
  type KeyWrapper,
  type KeyWrapperErrorCode,
} from '../key-wrapper.js';
import { loadClient } from './load-client.js';

/** Codes of google.rpc.Code. Any other code is `key_service_unavailable`. */
const codes: Readonly<Record<string, KeyWrapperErrorCode>> = {
  PERMISSION_DENIED: 'key_service_refused',
  UNAUTHENTICATED: 'key_service_refused',
  NOT_FOUND: 'wrapping_key_unusable',
  FAILED_PRECONDITION: 'wrapping_key_unusable',
};
const TIMEOUT = { timeout: 10_000 } as const;

/**
 * Wraps with a symmetric key of Google Cloud KMS, over REST: gRPC would be a second network stack for three calls a
 * day. The context becomes the additional authenticated data. The client finds its credentials itself (application
 * default).
 * @param name `google-kms:projects/…/cryptoKeys/<key>`
 * @param options for tests: another endpoint and credentials
 */
export async function createGoogleKmsWrapper(
  name: string,
  key: string,
  options: ConstructorParameters<typeof v1.KeyManagementServiceClient>[0] = {},
): Promise<KeyWrapper> {
  const { KeyManagementServiceClient } = await loadClient(() => import('@google-cloud/kms'), '@google-cloud/kms');
  const client = new KeyManagementServiceClient({ ...options, fallback: true });
  const failed = (cause: unknown, isUnwrapping: boolean): never => {
    const status = statusOf(cause);
    if (status === 'INVALID_ARGUMENT')
      throw keyWrapperError(isUnwrapping ? 'wrapped_key_invalid' : 'wrapping_key_unusable', name, cause);
    throw keyWrapperError((status !== undefined && codes[status]) || 'key_service_unavailable', name, cause);
  };
  return {
    name,
    async wrap(plaintext: Uint8Array, context: KeyContext): Promise<Uint8Array> {
      const [{ ciphertext }] = await client
        .encrypt({ name: key, plaintext, additionalAuthenticatedData: contextBytes(context) }, TIMEOUT)
        .catch((cause: unknown) => failed(cause, false));
      if (!ciphertext) throw keyWrapperError('key_service_unavailable', name);
      return bytes(ciphertext);
    },
    async unwrap(wrapped: Uint8Array, context: KeyContext): Promise<Uint8Array> {
      const [{ plaintext }] = await client
        .decrypt({ name: key, ciphertext: wrapped, additionalAuthenticatedData: contextBytes(context) }, TIMEOUT)
        .catch((cause: unknown) => failed(cause, true));
      if (!plaintext) throw keyWrapperError('key_service_unavailable', name);
      return bytes(plaintext);
    },
  };
}

/** The error's google.rpc.Code. The client throws an error whose message is the service's JSON response. */
function statusOf(cause: unknown): string | undefined {
  const { message, code } = Thrown.safeParse(cause).data ?? {};
  return Status.safeParse(message).data?.error.status ?? (code === undefined ? undefined : ofHttp[code]);
}

const ofHttp: Readonly<Record<string, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
};
const Thrown = z.object({ message: z.string(), code: z.union([z.number(), z.string()]).optional() });
const Status = z
  .string()
  .transform(parsed)
  .pipe(z.object({ error: z.object({ status: z.string() }) }));
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const bytes = (value: Uint8Array | string): Uint8Array =>
  typeof value === 'string' ? Buffer.from(value, 'base64') : value;
