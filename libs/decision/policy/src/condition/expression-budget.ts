/** What one expression may spend. A step is some 20 to 50 nanoseconds: all of them are a few milliseconds. */
export const EXPRESSION_STEPS = 50_000;
/** What the expressions of one decision may spend together. */
export const DECISION_STEPS = 150_000;

/** Characters that are read in one step. */
const TEXT = 32;
/** Fields of one object that is compared, counted or looped over. To count them takes as long as to list them. */
const MAX_FIELDS = 1_000;
/** A list or an object, before what it holds. */
const HOLDER = 4;
/** Sizes that are remembered: others are found again as fast. */
const WORTH_REMEMBERING = 64;

/** The budget is spent: the expression ends here, and whoever asks must deny. */
export class OverBudget extends Error {
  constructor() {
    super('the expression costs more than its budget');
  }
}

/**
 * The steps an expression may take over the data it is shown (security rule S29), in the sense of CEL's cost model:
 * each operation costs, and what it touches costs by its size, before it is touched.
 */
export class ExpressionBudget {
  #left: number;
  #sizes: Map<object, number> | undefined;

  constructor(steps: number) {
    this.#left = steps;
  }

  get left(): number {
    return this.#left;
  }

  /** @throws OverBudget; then nothing is left */
  spend(steps: number): void {
    if (steps <= this.#left) this.#left -= steps;
    else {
      this.#left = 0;
      throw new OverBudget();
    }
  }

  /** By values and their text, all the way down. Never looks at more than the budget could pay for. */
  sizeOf(value: unknown): number {
    if (typeof value === 'string') return textSize(value.length);
    if (typeof value !== 'object' || value === null || value instanceof Date) return 1;
    if (value instanceof Uint8Array) return textSize(value.length);
    let size = this.#sizes?.get(value);
    if (size === undefined) {
      size = Array.isArray(value)
        ? this.#sum(value.length, (index) => this.sizeOf(value[index]))
        : this.#sizeOfFields(value);
      if (size >= WORTH_REMEMBERING) (this.#sizes ??= new Map()).set(value, size);
    }
    return size;
  }

  #sizeOfFields(value: object): number {
    const names = Object.keys(value);
    if (names.length > MAX_FIELDS) this.spend(Infinity);
    return this.#sum(names.length, (index) => {
      const name = names[index] ?? '';
      return textSize(name.length) + this.sizeOf((value as Record<string, unknown>)[name]);
    });
  }

  #sum(count: number, sizeAt: (index: number) => number): number {
    let sum = HOLDER;
    if (count > this.#left) this.spend(count);
    for (let index = 0; index < count; index++) {
      sum += sizeAt(index);
      if (sum > this.#left) this.spend(sum);
    }
    return sum;
  }
}

const textSize = (length: number): number => 1 + Math.floor(length / TEXT);
