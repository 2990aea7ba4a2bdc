import { deepEqual, equal, ok } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { ProviderHealth } from '../refresh/provider-breaker.js';
import type { ProviderHealthStore } from '../refresh/provider-health-store.js';

/** To the millisecond; a store may keep no finer times. */
export function aProviderHealth(changes: Partial<ProviderHealth> = {}): ProviderHealth {
  return {
    reason: 'unavailable',
    error: 'http_503',
    description: null,
    failures: 1,
    failedAt: 1_000_000,
    pausedSince: null,
    failedProbes: 0,
    nextProbeAt: null,
    probingUntil: null,
    ...changes,
  };
}

const aKey = () => ({ credentialProvider: `p-${randomUUID()}`, issuer: 'https://as.example' });

/** What every ProviderHealthStore promises. */
export const providerHealthStoreContract: readonly {
  readonly title: string;
  check(providerHealth: ProviderHealthStore): Promise<void>;
}[] = [
  {
    title: 'returns what was written, under its own provider and issuer, and its own time',
    async check(providerHealth) {
      const key = aKey();
      const before = await providerHealth.read(key);
      deepEqual([before.health, before.version], [undefined, { revision: 0, configured: null }]);
      ok(Math.abs(before.now - Date.now()) < 60_000);
      const paused = aProviderHealth({
        failures: 7,
        pausedSince: 2_000_000,
        failedProbes: 2,
        nextProbeAt: 3_000_000,
        probingUntil: 2_500_000,
        description: 'we are \u{1F6E0} working',
      });
      equal(await providerHealth.write(key, before.version, paused), true);
      deepEqual((await providerHealth.read(key)).health, paused);
      equal((await providerHealth.read({ ...key, issuer: 'https://other.example' })).health, undefined);
      deepEqual(
        (await providerHealth.list()).providers.filter(
          ({ credentialProvider }) => credentialProvider === key.credentialProvider,
        ),
        [{ ...key, ...paused }],
      );
    },
  },
  {
    title: 'takes a write from one of many who saw the same (B4)',
    async check(providerHealth) {
      const key = aKey();
      const { version } = await providerHealth.read(key);
      const firsts = await Promise.all(
        Array.from({ length: 5 }, (_, n) => providerHealth.write(key, version, aProviderHealth({ failures: n + 1 }))),
      );
      equal(firsts.filter(Boolean).length, 1);
      const seen = await providerHealth.read(key);
      const seconds = await Promise.all(
        Array.from({ length: 5 }, () => providerHealth.write(key, seen.version, aProviderHealth({ probingUntil: 9 }))),
      );
      equal(seconds.filter(Boolean).length, 1);
      equal(await providerHealth.write(key, seen.version, undefined), false);
      equal(await providerHealth.write(key, (await providerHealth.read(key)).version, undefined), true);
      equal((await providerHealth.read(key)).health, undefined);
    },
  },
];
