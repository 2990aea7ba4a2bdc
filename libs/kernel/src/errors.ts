import type { CodeOf, SallyportErrorCode } from './error-codes.js';

/**
 * Something is broken or was configured wrongly (an expected refusal is a value, not an error).
 * `message` is safe to show; `detail` is for the log of this process only and is never serialised.
 */
export class SallyportError<out Code extends SallyportErrorCode = SallyportErrorCode> extends Error {
  override readonly name = 'SallyportError';
  readonly code: Code;
  /** What this process stands on is away (the bus, the configuration): nobody's fault, and worth another try. */
  readonly isOutage: boolean;
  readonly #detail: unknown;

  constructor(code: Code, message: string, options: { detail?: unknown; cause?: unknown; isOutage?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.isOutage = options.isOutage ?? false;
    this.#detail = options.detail;
  }

  get detail(): unknown {
    return this.#detail;
  }

  toJSON(): { code: Code; message: string } {
    return { code: this.code, message: this.message };
  }
}

/** Whether it is an error of ours with one of these codes. */
export function hasCode<Code extends SallyportErrorCode>(
  error: unknown,
  ...codes: readonly Code[]
): error is SallyportError<Code> {
  return error instanceof SallyportError && (codes as readonly SallyportErrorCode[]).includes(error.code);
}

/** Whether it is an error of ours whose code begins so: one of requests to others, or of an identity provider. */
export function isErrorOf<Prefix extends 'outbound_' | 'trust_provider_'>(
  error: unknown,
  prefix: Prefix,
): error is SallyportError<CodeOf<Prefix>> {
  return error instanceof SallyportError && error.code.startsWith(prefix);
}
