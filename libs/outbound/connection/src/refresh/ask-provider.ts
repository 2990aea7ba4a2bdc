import {
  admissionTo,
  claimProbe,
  releaseProbe,
  healthAfter,
  waitFor,
  type ProviderHealth,
} from './provider-breaker.js';
import type { ProviderFailure } from '@sallyport/oauth';
import type { ProviderKey, ProviderHealthStore, SeenHealth } from './provider-health-store.js';

/** A provider was paused, or is asked again. */
export type ProviderChange = ProviderKey & { readonly health: ProviderHealth } & (
    | { readonly type: 'paused' }
    | { readonly type: 'resumed'; readonly because: 'answered' | 'reconfigured' }
  );

export interface ProviderGate {
  readonly providerHealth: ProviderHealthStore;
  readonly random: () => number;
  /** Called once for each change, in the process that made it. */
  readonly onProviderChange: (change: ProviderChange) => Promise<void>;
}

/**
 * `answered`: the provider answered properly, whatever it said of the grant. `unknown`: nobody asked, or we gave up.
 */
export type ProviderVerdict = ProviderFailure | 'answered' | 'unknown';
export type Asked<T> =
  | { readonly type: 'asked'; readonly value: T }
  | { readonly type: 'paused'; readonly waitMs: number };

/** A writer that loses so often to others has nothing to add: they write the same. */
const WRITES = 10;

/**
 * Asks a provider unless it is paused (B4). A paused provider gets one probe at a time, now and then, and requests of
 * callers that cannot wait. `ask` uses the answer first, then says what it tells about the provider.
 */
export async function askProvider<T>(
  { credentialProvider, issuer }: ProviderKey,
  gate: ProviderGate,
  ask: () => Promise<{ readonly value: T; readonly verdict: ProviderVerdict }>,
  { isUrgent = false }: { readonly isUrgent?: boolean } = {},
): Promise<Asked<T>> {
  const key = { credentialProvider, issuer };
  const seen = await gate.providerHealth.read(key);
  const admission = admissionTo(seen.health, seen.now);
  const isProbe =
    admission === 'probe' &&
    seen.health !== undefined &&
    (await gate.providerHealth.write(key, seen.version, claimProbe(seen.health, seen.now)));
  if (admission !== 'ask' && !isProbe && !isUrgent)
    return { type: 'paused', waitMs: seen.health ? waitFor(seen.health, seen.now) : 0 };
  let verdict: ProviderVerdict = 'unknown';
  try {
    const asked = await ask();
    verdict = asked.verdict;
    return { type: 'asked', value: asked.value };
  } finally {
    // What was done with the answer stands also when this cannot be noted: the next answer says the same.
    if (verdict !== 'unknown' || isProbe)
      await settle(key, gate, verdict, {
        isProbe,
        isLate: admission === 'ask',
        wasFailing: seen.health !== undefined,
        version: seen.version.configured,
      }).then(undefined, () => undefined);
  }
}

/** Milliseconds to wait, or `null` when somebody may ask now: for who would rather not begin. */
export async function waitOf(
  key: ProviderKey,
  { providerHealth }: Pick<ProviderGate, 'providerHealth'>,
): Promise<number | null> {
  const { health, now } = await providerHealth.read(key);
  return health && admissionTo(health, now) === 'wait' ? waitFor(health, now) : null;
}

/** `isLate`: what was asked was asked before a pause there may be now. */
interface Begun {
  readonly isProbe: boolean;
  readonly isLate: boolean;
}

async function settle(
  key: ProviderKey,
  gate: ProviderGate,
  verdict: ProviderVerdict,
  { wasFailing, version, ...begun }: Begun & { wasFailing: boolean; version: number | null },
): Promise<void> {
  if (verdict === 'answered' && !wasFailing) return;
  for (let attempt = 0; attempt < WRITES; attempt++) {
    const seen = await gate.providerHealth.read(key);
    // Asked with what was configured then: says nothing about what is configured now.
    if (seen.version.configured !== version) return;
    const next = afterVerdict(seen, verdict, begun, gate.random());
    if (next === seen.health) return;
    if (!(await gate.providerHealth.write(key, seen.version, next))) continue;
    const wasPaused = seen.health !== undefined && seen.health.pausedSince !== null;
    if (next && next.pausedSince !== null && !wasPaused)
      await gate.onProviderChange({ type: 'paused', ...key, health: next });
    if (!next && seen.health && wasPaused)
      await gate.onProviderChange({ type: 'resumed', because: 'answered', ...key, health: seen.health });
    return;
  }
}

function afterVerdict(
  { health, now }: SeenHealth,
  verdict: ProviderVerdict,
  { isProbe, isLate }: Begun,
  random: number,
): ProviderHealth | undefined {
  if (verdict === 'unknown') return health && releaseProbe(health);
  if (verdict !== 'answered') return healthAfter(health, verdict, { now, random, isProbe });
  return isLate && health && health.pausedSince !== null ? health : undefined;
}
