import { SallyportError } from '@sallyport/kernel';

/** What a wrapped key is for. It is authenticated: unwrapping with another context fails. Not secret; a KMS logs it. */
export type KeyContext = Readonly<Record<string, string>>;

/**
 * Wraps keys of 32 bytes: a key file here, or a KMS whose key never leaves it. Called at a start, at a rotation and when
 * another process made a key, never for a single record: what it unwraps is held in memory.
 *
 * Both throw SallyportError: `key_service_unavailable` (no answer, throttled, an error over there: worth trying again),
 * `key_service_refused` (we may not), `wrapping_key_unusable` (disabled, being deleted, not there) and, unwrapping,
 * `wrapped_key_invalid` (wrapped by another key, for another context, or altered).
 */
export interface KeyWrapper {
  /** As it is kept beside what it wrapped: `file:<key id>`, or the KMS key as it is configured. */
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
    `The key service refuses us the key ${name}: see to it that this process may encrypt and decrypt with it.`,
  wrapping_key_unusable: (name) => `The key ${name} cannot be used: it is disabled, being deleted, or not there.`,
  wrapped_key_invalid: (name) =>
    `A wrapped key does not open with ${name}: it was wrapped by another key, for something else, or altered.`,
};

/** @param cause for the log: what a key service says is not shown to anybody else */
export function keyWrapperError(
  code: KeyWrapperErrorCode,
  name: string,
  cause?: unknown,
): SallyportError<KeyWrapperErrorCode> {
  return new SallyportError(code, sentences[code](name), { cause });
}

/** The same bytes for the same context, in whatever order it was written. */
export function contextBytes(context: KeyContext): Buffer {
  return Buffer.from(JSON.stringify(Object.entries(context).toSorted(([one], [other]) => (one < other ? -1 : 1))));
}
