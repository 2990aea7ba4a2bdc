import { SallyportError } from '@sallyport/kernel';

/**
 * The use of a wrapped key, such as `{ product: 'sallyport', purpose: 'vault-records', key: <id> }`. It is
 * authenticated: unwrapping with another context fails. It is not secret, and a KMS logs it.
 */
export type KeyContext = Readonly<Record<string, string>>;

/**
 * Wraps keys of 32 bytes, with a key file or with a KMS whose key never leaves it. A process calls it when it starts,
 * at a rotation, and when another process has made a key; never for a record.
 *
 * Both methods throw SallyportError: `key_service_unavailable` (no answer, throttled or an error of the KMS: the caller
 * may try again), `key_service_refused` (this process has no right to the key) or `wrapping_key_unusable` (the key is
 * disabled, about to be deleted, or does not exist). `unwrap` also throws `wrapped_key_invalid` (another key or context
 * wrapped it, or it was altered).
 */
export interface KeyWrapper {
  /** The name stored with every key it wrapped: `file:<key id>`, or the KMS key as it is configured. */
  readonly name: string;
  wrap(key: Uint8Array, context: KeyContext): Promise<Uint8Array>;
  unwrap(wrapped: Uint8Array, context: KeyContext): Promise<Uint8Array>;
}

export type KeyWrapperErrorCode =
  | 'key_service_unavailable'
  | 'key_service_refused'
  | 'wrapping_key_unusable'
  | 'wrapped_key_invalid';

const sentences: Readonly<Record<KeyWrapperErrorCode, (name: string) => string>> = {
  key_service_unavailable: (name) => `The key service of ${name} does not answer as it should: try again.`,
  key_service_refused: (name) =>
    `The key service refuses us the key ${name}: give this process the right to encrypt and decrypt with it.`,
  wrapping_key_unusable: (name) =>
    `The key ${name} cannot be used: it is disabled, about to be deleted, or does not exist. Restore or enable it.`,
  wrapped_key_invalid: (name) =>
    `The key ${name} does not unwrap a stored key: another key wrapped it, for another use, or it was altered.`,
};

/** @param cause for the log only: nobody else reads what a key service says */
export function keyWrapperError(
  code: KeyWrapperErrorCode,
  name: string,
  cause?: unknown,
): SallyportError<KeyWrapperErrorCode> {
  return new SallyportError(code, sentences[code](name), { cause });
}

/** The context as bytes to authenticate. The order of its names makes no difference. */
export function contextBytes(context: KeyContext): Buffer {
  return Buffer.from(JSON.stringify(Object.entries(context).toSorted(([one], [other]) => (one < other ? -1 : 1))));
}
