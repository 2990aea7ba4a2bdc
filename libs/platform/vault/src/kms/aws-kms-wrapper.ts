import type { KMSClientConfig } from '@aws-sdk/client-kms';
import { createProxyAgent, type OutboundProxy } from '@sallyport/safe-fetch';
import { keyWrapperError, type KeyContext, type KeyWrapper, type KeyWrapperErrorCode } from '../key-wrapper.js';
import { loadClient } from './load-client.js';

/** Errors of AWS KMS and of its client, by name. Any other error is `key_service_unavailable`. */
const codes: Readonly<Record<string, KeyWrapperErrorCode>> = {
  AccessDeniedException: 'key_service_refused',
  UnrecognizedClientException: 'key_service_refused',
  InvalidSignatureException: 'key_service_refused',
  IncompleteSignature: 'key_service_refused',
  ExpiredTokenException: 'key_service_refused',
  CredentialsProviderError: 'key_service_refused',
  DisabledException: 'wrapping_key_unusable',
  KMSInvalidStateException: 'wrapping_key_unusable',
  NotFoundException: 'wrapping_key_unusable',
  InvalidKeyUsageException: 'wrapping_key_unusable',
  InvalidCiphertextException: 'wrapped_key_invalid',
  IncorrectKeyException: 'wrapped_key_invalid',
};
const LIMITS = { connectionTimeout: 5_000, requestTimeout: 10_000 } as const;

/**
 * Wraps with a symmetric key of AWS KMS. The context becomes the encryption context, so a key policy can demand it and
 * CloudTrail shows it. The AWS client finds its credentials itself (environment, instance role, web identity). It knows
 * no proxy by itself, so this function gives it one.
 * @param name `aws-kms:<key ARN>`
 * @param config `endpoint` and `credentials` are for tests
 */
export async function createAwsKmsWrapper(
  name: string,
  arn: string,
  {
    proxy,
    ...config
  }: Pick<KMSClientConfig, 'endpoint' | 'credentials'> & { readonly proxy?: OutboundProxy | undefined } = {},
): Promise<KeyWrapper> {
  const { KMSClient, EncryptCommand, DecryptCommand } = await loadClient(
    () => import('@aws-sdk/client-kms'),
    '@aws-sdk/client-kms',
  );
  const region = arn.split(':')[3] ?? '';
  const client = new KMSClient({
    region,
    requestHandler: { ...LIMITS, ...(proxy && { httpsAgent: createProxyAgent(proxy) }) },
    ...config,
  });
  const translated = async <Result>(ask: Promise<Result>): Promise<Result> => {
    try {
      return await ask;
    } catch (cause) {
      throw keyWrapperError((cause instanceof Error && codes[cause.name]) || 'key_service_unavailable', name, cause);
    }
  };
  return {
    name,
    async wrap(key: Uint8Array, context: KeyContext): Promise<Uint8Array> {
      const { CiphertextBlob } = await translated(
        client.send(new EncryptCommand({ KeyId: arn, Plaintext: key, EncryptionContext: { ...context } })),
      );
      if (!CiphertextBlob) throw keyWrapperError('key_service_unavailable', name);
      return CiphertextBlob;
    },
    async unwrap(wrapped: Uint8Array, context: KeyContext): Promise<Uint8Array> {
      const { Plaintext } = await translated(
        client.send(new DecryptCommand({ KeyId: arn, CiphertextBlob: wrapped, EncryptionContext: { ...context } })),
      );
      if (!Plaintext) throw keyWrapperError('key_service_unavailable', name);
      return Plaintext;
    },
  };
}
