import { deepEqual, equal, ok } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { ProviderStanding } from '../refresh/provider-breaker.js';
import type { ProviderStandings } from '../refresh/provider-standings.js';

/** To the millisecond; a store may keep no finer times. */
export function aStanding(changes: Partial<ProviderStanding> = {}): ProviderStanding {
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

/** What every ProviderStandings promises. */
export const providerStandingsContract: readonly {
  readonly title: string;
  check(standings: ProviderStandings): Promise<void>;
}[] = [
  {
    title: 'returns what was written, under its own provider and issuer, and its own time',
    async check(standings) {
      const key = aKey();
      const before = await standings.read(key);
      deepEqual([before.standing, before.version], [undefined, { revision: 0, configured: null }]);
      ok(Math.abs(before.now - Date.now()) < 60_000);
      const paused = aStanding({
        failures: 7,
        pausedSince: 2_000_000,
        failedProbes: 2,
        nextProbeAt: 3_000_000,
        probingUntil: 2_500_000,
        description: 'we are \u{1F6E0} working',
      });
      equal(await standings.write(key, before.version, paused), true);
      deepEqual((await standings.read(key)).standing, paused);
      equal((await standings.read({ ...key, issuer: 'https://other.example' })).standing, undefined);
      deepEqual(
        (await standings.list()).standings.filter(
          ({ credentialProvider }) => credentialProvider === key.credentialProvider,
        ),
        [{ ...key, ...paused }],
      );
    },
  },
  {
    title: 'takes a write from one of many who saw the same (B4)',
    async check(standings) {
      const key = aKey();
      const { version } = await standings.read(key);
      const firsts = await Promise.all(
        Array.from({ length: 5 }, (_, n) => standings.write(key, version, aStanding({ failures: n + 1 }))),
      );
      equal(firsts.filter(Boolean).length, 1);
      const seen = await standings.read(key);
      const seconds = await Promise.all(
        Array.from({ length: 5 }, () => standings.write(key, seen.version, aStanding({ probingUntil: 9 }))),
      );
      equal(seconds.filter(Boolean).length, 1);
      equal(await standings.write(key, seen.version, undefined), false);
      equal(await standings.write(key, (await standings.read(key)).version, undefined), true);
      equal((await standings.read(key)).standing, undefined);
    },
  },
];
