import { backOff } from './back-off.js';
import type { ProviderFailure } from '@sallyport/oauth';

/**
 * How a provider has been answering lately. A provider whose last answer was a proper one has none. Times in
 * milliseconds.
 */
export interface ProviderHealth extends Omit<ProviderFailure, 'retryAfterMs'> {
  /** In a row, since it last answered properly. */
  readonly failures: number;
  readonly failedAt: number;
  /** `null`: it is still asked as ever. */
  readonly pausedSince: number | null;
  readonly failedProbes: number;
  /** When one connection may ask again; `null` while it is not paused. */
  readonly nextProbeAt: number | null;
  /** Until when nobody else may: somebody is asking. */
  readonly probingUntil: number | null;
}

/** So many failures in a row, over all connections, are the provider's own. */
const RUN = 5;
/** Two attempts and the writing of their results take less. */
const PROBE_MS = 60_000;

export type Admission = 'ask' | 'probe' | 'wait';

/** Whether a provider may be asked now, by anybody (`ask`), by one at a time (`probe`), or not. */
export function admissionTo(health: ProviderHealth | undefined, now: number): Admission {
  if (!health || health.pausedSince === null) return 'ask';
  if ((health.nextProbeAt ?? 0) > now || (health.probingUntil ?? 0) > now) return 'wait';
  return 'probe';
}

/** Milliseconds until it is worth asking again, at least one second. */
export function waitFor({ nextProbeAt }: ProviderHealth, now: number): number {
  return Math.max(1_000, (nextProbeAt ?? now) - now);
}

export function claimProbe(health: ProviderHealth, now: number): ProviderHealth {
  return { ...health, probingUntil: now + PROBE_MS };
}

/** A probe that came to nothing: what it was for turned out to need no answer of the provider. */
export function releaseProbe(health: ProviderHealth): ProviderHealth {
  return { ...health, probingUntil: null };
}

/**
 * The health of a provider after one more failure. (After a proper answer, `invalid_grant` included, it has none any
 * more.) A refusal of our client, or being told when to come back, pauses the provider at once; any other failure does
 * so when it is the last of a run. While the provider is paused, only the outcome of the probe counts: answers to what
 * was sent before say nothing new.
 */
export function healthAfter(
  current: ProviderHealth | undefined,
  failure: ProviderFailure,
  { now, random, isProbe }: { now: number; random: number; isProbe: boolean },
): ProviderHealth {
  const { reason, error, description, retryAfterMs } = failure;
  const isPaused = current !== undefined && current.pausedSince !== null;
  if (isPaused && !isProbe) return current;
  const failures = (current?.failures ?? 0) + 1;
  const failed = { reason, error, description, failures, failedAt: now, probingUntil: null };
  const pausesAtOnce = reason === 'client_refused' || (reason === 'rate_limited' && retryAfterMs !== undefined);
  if (!isPaused && !pausesAtOnce && failures < RUN)
    return { ...failed, pausedSince: null, failedProbes: 0, nextProbeAt: null };
  const failedProbes = isPaused ? current.failedProbes + 1 : 0;
  const nextProbeAt = now + backOff({ failures: failedProbes + 1, random, retryAfterMs });
  return { ...failed, pausedSince: isPaused ? current.pausedSince : now, failedProbes, nextProbeAt };
}
