import type { Attributes } from '@opentelemetry/api';

/** Beyond this many combinations of attributes, the rest is counted together, so that memory stays bounded. */
const MAX_SERIES = 1_000;

/** One value for each combination of attributes. */
export class Series<T> {
  readonly #make: () => T;
  readonly #bySignature = new Map<string, { readonly attributes: Attributes; readonly value: T }>();

  constructor(make: () => T) {
    this.#make = make;
  }

  of(attributes: Attributes): T {
    const signature = JSON.stringify(Object.entries(attributes).toSorted(([a], [b]) => (a < b ? -1 : 1)));
    const existing = this.#bySignature.get(signature);
    if (existing) return existing.value;
    if (this.#bySignature.size >= MAX_SERIES && attributes['overflow'] !== true) return this.of({ overflow: true });
    const value = this.#make();
    this.#bySignature.set(signature, { attributes: { ...attributes }, value });
    return value;
  }

  all(): readonly { readonly attributes: Attributes; readonly value: T }[] {
    return [...this.#bySignature.values()];
  }
}
