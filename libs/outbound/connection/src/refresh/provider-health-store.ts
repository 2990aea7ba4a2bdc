import type { ProviderHealth } from './provider-breaker.js';
import type { Connection } from '../connection.js';

/** Who is asked: a provider's document may lead to more than one issuer over time, and each fails on its own. */
export type ProviderKey = Pick<Connection, 'credentialProvider' | 'issuer'>;
export type KnownHealth = ProviderKey & ProviderHealth;

/** What was seen, for the next write to compare with. Opaque. */
export interface HealthVersion {
  /** 0: nothing was stored. */
  readonly revision: number;
  /** Which writing of the provider's document counted; `null`: none is stored. */
  readonly configured: number | null;
}

export interface SeenHealth {
  readonly health: ProviderHealth | undefined;
  readonly version: HealthVersion;
  /** Milliseconds since the epoch by the store's own clock, which is one for all processes. */
  readonly now: number;
}

/**
 * How each credential provider has been answering, shared by all who ask it. Every write compares what it saw with what
 * is there, in one statement. What was stored before the provider's document, or a secret of it, was last written
 * counts no more: who mends a provider need not wait.
 */
export interface ProviderHealthStore {
  read(key: ProviderKey): Promise<SeenHealth>;
  /** `undefined` forgets it. False when somebody else wrote since. */
  write(key: ProviderKey, seen: HealthVersion, next: ProviderHealth | undefined): Promise<boolean>;
  list(): Promise<{ readonly now: number; readonly providers: readonly KnownHealth[] }>;
  /** Forgets what counts no more, and returns those of it that were paused. */
  forgetReconfigured(): Promise<readonly KnownHealth[]>;
}
