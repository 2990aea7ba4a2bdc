import type { RecordNumbers } from '@sallyport/kernel';

const MOST_DIGITS = String(Number.MAX_SAFE_INTEGER).length;

/** Gives records their writer and their number, in the JSON they are: it is not read for that. */
export class NumberedLines {
  readonly #numbers: RecordNumbers | undefined;
  /** What stands before the number. */
  readonly #suffix: string;
  /** No line grows by more. */
  readonly mostBytes: number;

  constructor(numbers: RecordNumbers | undefined) {
    this.#numbers = numbers;
    this.#suffix = numbers === undefined ? '' : `,"writer":${JSON.stringify(numbers.writer)},"n":`;
    this.mostBytes = numbers === undefined ? 0 : Buffer.byteLength(this.#suffix) + MOST_DIGITS;
  }

  /** @param json an object with at least one field */
  next(json: string): string {
    return this.#numbers === undefined ? json : `${json.slice(0, -1)}${this.#suffix}${this.#numbers.next()}}`;
  }
}
