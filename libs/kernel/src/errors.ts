/**
 * Something is broken or was configured wrongly (an expected refusal is a value, not an error).
 * `message` is safe to show; `detail` is for the log of this process only and is never serialised.
 */
export class SallyportError<Code extends string = string> extends Error {
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
