const NUMBERS = [
  '0',
  '-0',
  '1.0',
  '1e3',
  '1E+2',
  '-1.5E-7',
  '9007199254740993',
  '12345678901234567890',
  '0.10',
  '3.0000000000000000001',
];
const TEXTS = [
  '""',
  '"\\""',
  '"\\\\"',
  '"{\\"a\\":1.0}"',
  '"]"',
  '"\\u00e9 é \\u2028"',
  '"\\/"',
  '"\\ud83d\\ude00"',
  '"1.0"',
  '"\\b\\f\\n"',
];
const NAMES = ['"a"', '"\\""', '"\\\\"', '":"', '"\\u00e9"', '"__proto__"', '""', '"1.0"'];
const SPACES = ['', '', '', ' ', '\n', '\t '];
const MAX_DEPTH = 5;

/**
 * Texts of JSON as people and programs write it: numbers, escapes, order and white space of all kinds, no name twice.
 */
export class GeneratedJson {
  #state: number;

  /** @param seed the same one makes the same texts; from 1 */
  constructor(seed: number) {
    this.#state = seed;
  }

  /** The text of an object. */
  object(depth = 0): string {
    const names = NAMES.filter(() => this.#below(3) === 0);
    if (this.#below(2) === 0) names.reverse();
    return `{${names.map((name) => this.#spaced(`${name}${this.#space()}:${this.#spaced(this.value(depth + 1))}`)).join(',')}}`;
  }

  /** The text of any value. */
  value(depth = 0): string {
    const kind = this.#below(depth > MAX_DEPTH ? 5 : 7);
    if (kind === 0) return this.#pick(['null', 'true', 'false']);
    if (kind < 3) return this.#pick(NUMBERS);
    if (kind < 5) return this.#pick(TEXTS);
    if (kind === 5) return this.object(depth);
    return `[${Array.from({ length: this.#below(4) }, () => this.#spaced(this.value(depth + 1))).join(',')}]`;
  }

  #spaced(text: string): string {
    return `${this.#space()}${text}${this.#space()}`;
  }

  #space(): string {
    return this.#pick(SPACES);
  }

  #pick(texts: readonly string[]): string {
    return texts[this.#below(texts.length)] ?? '';
  }

  /** Lehmer's generator. */
  #below(limit: number): number {
    this.#state = (this.#state * 48_271) % 2_147_483_647;
    return this.#state % limit;
  }
}

/** @returns what a JSON text says, each number as its text: to compare two of them, and to look into one */
export function readJsonTexts(json: string): unknown {
  const tagged = (_name: string, value: unknown, context: { readonly source?: string } = {}) =>
    typeof value === 'number' ? { number: context.source } : value;
  return JSON.parse(json, tagged);
}
