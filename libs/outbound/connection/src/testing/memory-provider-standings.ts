import type { Clock } from '@sallyport/kernel';
import type { ProviderStanding } from '../refresh/provider-breaker.js';
import type {
  KnownStanding,
  ProviderKey,
  ProviderStandings,
  SeenStanding,
  StandingVersion,
} from '../refresh/provider-standings.js';

type Row = KnownStanding & { readonly revision: number; readonly configured: number | null };

/** For tests: the same promises as the real one, in one process. */
export class MemoryProviderStandings implements ProviderStandings {
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

  async read(key: ProviderKey): Promise<SeenStanding> {
    const row = this.#rows.get(nameOf(key));
    const configured = this.#configured(key);
    return {
      standing: row && row.configured === configured ? bare(row) : undefined,
      version: { revision: row?.revision ?? 0, configured },
      now: this.#clock(),
    };
  }

  async write(
    key: ProviderKey,
    { revision, configured }: StandingVersion,
    next: ProviderStanding | undefined,
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

  async list(): Promise<{ now: number; standings: KnownStanding[] }> {
    return {
      now: this.#clock(),
      standings: [...this.#rows.values()].filter((row) => row.configured === this.#configured(row)).map(known),
    };
  }

  async forgetReconfigured(): Promise<KnownStanding[]> {
    const gone = [...this.#rows].filter(([, row]) => row.configured !== this.#configured(row));
    for (const [name] of gone) this.#rows.delete(name);
    return gone.map(([, row]) => known(row)).filter(({ pausedSince }) => pausedSince !== null);
  }

  #configured({ credentialProvider }: ProviderKey): number | null {
    return this.#documents.get(credentialProvider) ?? null;
  }
}

const nameOf = ({ credentialProvider, issuer }: ProviderKey) => `${credentialProvider} ${issuer}`;
const known = ({ revision: _revision, configured: _configured, ...rest }: Row): KnownStanding => rest;
const bare = (row: Row): ProviderStanding => {
  const { credentialProvider: _provider, issuer: _issuer, ...standing } = known(row);
  return standing;
};
