import type { ProviderKey } from '@sallyport/connection/refresh';

/**
 * How many refreshes of one provider run in this process at a time: a slow provider takes no more of it than its share.
 */
export class ProviderSlots {
  readonly #taken = new Map<string, number>();

  /** Gives back what was taken when called; `undefined` when all slots are taken. */
  take({ credentialProvider, issuer }: ProviderKey, limit: number): (() => void) | undefined {
    const key = JSON.stringify([credentialProvider, issuer]);
    const taken = this.#taken.get(key) ?? 0;
    if (taken >= limit) return undefined;
    this.#taken.set(key, taken + 1);
    return () => {
      const left = (this.#taken.get(key) ?? 1) - 1;
      if (left > 0) this.#taken.set(key, left);
      else this.#taken.delete(key);
    };
  }
}
