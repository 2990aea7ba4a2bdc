/** Whose records are in which file, in bytes: of files that were written to by this process. */
export class OwnedBytes {
  readonly #files = new Map<string, Map<string, number>>();
  readonly #owners = new Map<string, number>();

  add(path: string, owner: string, bytes: number): void {
    const owners = this.#files.get(path) ?? new Map<string, number>();
    this.#files.set(path, owners.set(owner, (owners.get(owner) ?? 0) + bytes));
    this.#owners.set(owner, this.of(owner) + bytes);
  }

  of(owner: string): number {
    return this.#owners.get(owner) ?? 0;
  }

  /** All records of this file are gone. */
  forget(path: string): void {
    for (const [owner, bytes] of this.#files.get(path) ?? []) {
      const left = this.of(owner) - bytes;
      if (left > 0) this.#owners.set(owner, left);
      else this.#owners.delete(owner);
    }
    this.#files.delete(path);
  }
}
