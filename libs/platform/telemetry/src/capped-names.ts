/**
 * Names for a metric's label that others make up, such as tools: the first so many are told, all further ones are
 * `other`.
 */
export class CappedNames {
  readonly #most: number;
  readonly #known = new Set<string>();

  constructor(most: number) {
    this.#most = most;
  }

  of(name: string): string {
    if (this.#known.has(name)) return name;
    if (this.#known.size >= this.#most) return 'other';
    this.#known.add(name);
    return name;
  }
}
