import type { Clock } from '@sallyport/kernel';
import type { ProviderHealth } from '../refresh/provider-breaker.js';
import type {
  KnownHealth,
  ProviderKey,
  ProviderHealthStore,
  SeenHealth,
  HealthVersion,
} from '../refresh/provider-health-store.js';

type Row = KnownHealth & { readonly revision: number; readonly configured: number | null };

/** For tests: the same promises as the real one, in one process. */
export class MemoryProviderHealthStore implements ProviderHealthStore {
  readonly #rows = new Map<string, Row>();
  readonly #documents = new Map<string, number>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** As when its document is written. */
  reconfigure(credentialProvider: string): void {
    this.#documents.set(credentialProvider, (this.#documents.get(credentialProvider) ?? 0) + 1);
  }

  async read(key: ProviderKey): Promise<SeenHealth> {
    const row = this.#rows.get(nameOf(key));
    const configured = this.#configured(key);
    return {
      health: row && row.configured === configured ? bare(row) : undefined,
      version: { revision: row?.revision ?? 0, configured },
      now: this.#clock(),
    };
  }

  async write(
    key: ProviderKey,
    { revision, configured }: HealthVersion,
    next: ProviderHealth | undefined,
  ): Promise<boolean> {
    const name = nameOf(key);
    if ((this.#rows.get(name)?.revision ?? 0) !== revision) return false;
    if (next)
      this.#rows.set(name, {
        ...next,
        credentialProvider: key.credentialProvider,
        issuer: key.issuer,
        revision: revision + 1,
        configured,
      });
    else this.#rows.delete(name);
    return true;
  }

  async list(): Promise<{ now: number; providers: KnownHealth[] }> {
    return {
      now: this.#clock(),
      providers: [...this.#rows.values()].filter((row) => row.configured === this.#configured(row)).map(known),
    };
  }

  async forgetReconfigured(): Promise<KnownHealth[]> {
    const gone = [...this.#rows].filter(([, row]) => row.configured !== this.#configured(row));
    for (const [name] of gone) this.#rows.delete(name);
    return gone.map(([, row]) => known(row)).filter(({ pausedSince }) => pausedSince !== null);
  }

  #configured({ credentialProvider }: ProviderKey): number | null {
    return this.#documents.get(credentialProvider) ?? null;
  }
}

const nameOf = ({ credentialProvider, issuer }: ProviderKey) => `${credentialProvider} ${issuer}`;
const known = ({ revision: _revision, configured: _configured, ...rest }: Row): KnownHealth => rest;
const bare = (row: Row): ProviderHealth => {
  const { credentialProvider: _provider, issuer: _issuer, ...health } = known(row);
  return health;
};
