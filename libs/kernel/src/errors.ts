/**
 * Something is broken or was configured wrongly (an expected refusal is a value, not an error).
 * `message` is safe to show; `detail` is for the log of this process only and is never serialised.
 */
export class SallyportError<Code extends string = string> extends Error {
  override readonly name = 'SallyportError';
  readonly code: Code;
  readonly #detail: unknown;

  constructor(code: Code, message: string, options: { detail?: unknown; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.#detail = options.detail;
  }

  get detail(): unknown {
    return this.#detail;
  }

  toJSON(): { code: Code; message: string } {
    return { code: this.code, message: this.message };
  }
}
