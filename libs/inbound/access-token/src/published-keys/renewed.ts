import { SingleFlight, type Clock } from '@sallyport/kernel';

export interface RenewedOptions<T> {
  readonly load: () => Promise<T>;
  readonly clock: Clock;
  /** Between two attempts after one that succeeded, whoever asks. Milliseconds. */
  readonly cooldownMs: number;
  /** Between two attempts after one that failed; `cooldownMs` unless said otherwise. */
  readonly retryMs?: number | undefined;
  /** Called in the same turn in which the new value replaces the old one. */
  readonly onLoaded?: (value: T, previous: T | undefined) => void;
  /** Called once, until a load succeeds again. */
  readonly onFailed?: (cause: unknown) => void;
  readonly onRecovered?: () => void;
}

/**
 * A document that is loaded again now and then, once for all who wait. A load that fails keeps the document that was
 * there; how long that one is believed is for the reader to say, by `ageMs`.
 */
export class Renewed<T> {
  readonly #options: RenewedOptions<T>;
  #value: T | undefined;
  #loadedAt = -Infinity;
  #attemptedAt = -Infinity;
  #failure: { readonly cause: unknown } | undefined;
  readonly #loading = new SingleFlight<'value', void>();

  constructor(options: RenewedOptions<T>) {
    this.#options = options;
  }

  /** `undefined` until a load succeeded. */
  get value(): T | undefined {
    return this.#value;
  }

  /** Why the last attempt failed; `undefined` when it did not. */
  get failure(): { readonly cause: unknown } | undefined {
    return this.#failure;
  }

  /** Milliseconds since the load that gave the value began; `Infinity` before the first. */
  get ageMs(): number {
    return this.#options.clock() - this.#loadedAt;
  }

  /**
   * Loads again, unless the last attempt is not long enough ago. Resolves also when the load fails.
   * @param cooldownMs in place of the configured ones
   */
  renew(cooldownMs?: number): Promise<void> {
    const loading = this.#loading.running('value');
    if (loading) return loading;
    const { clock, load, cooldownMs: usual, retryMs = usual } = this.#options;
    const now = clock();
    if (now - this.#attemptedAt < (cooldownMs ?? (this.#failure ? retryMs : usual))) return Promise.resolve();
    this.#attemptedAt = now;
    return this.#loading.run('value', () =>
      load()
        .then((value) => this.#succeeded(value, now))
        .catch((cause: unknown) => this.#failed(cause)),
    );
  }

  #succeeded(value: T, startedAt: number): void {
    const previous = this.#value;
    this.#value = value;
    this.#loadedAt = startedAt;
    this.#options.onLoaded?.(value, previous);
    const hadFailed = this.#failure !== undefined;
    this.#failure = undefined;
    if (hadFailed) this.#options.onRecovered?.();
  }

  #failed(cause: unknown): void {
    const isFirst = this.#failure === undefined;
    this.#failure = { cause };
    if (isFirst) this.#options.onFailed?.(cause);
  }
}
