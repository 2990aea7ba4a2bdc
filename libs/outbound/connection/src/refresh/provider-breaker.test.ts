import { describe, expect, test } from 'vitest';
import { admissionTo, claimProbe, healthAfter, waitFor, type ProviderHealth } from './provider-breaker.js';
import type { ProviderFailure } from '@sallyport/oauth';

const MINUTE = 60_000;
const down: ProviderFailure = { reason: 'unavailable', error: 'http_503', description: null };
const after = (
  failures: readonly ProviderFailure[],
  { now = 0, isProbe = false, from = undefined as ProviderHealth | undefined } = {},
) =>
  failures.reduce<ProviderHealth | undefined>(
    (health, failure) => healthAfter(health, failure, { now, random: 0, isProbe }),
    from,
  );
const paused = after(Array.from({ length: 5 }, () => down));

describe('a provider that fails', () => {
  test('is asked as ever until failures come in a row, then paused as a whole (B4)', () => {
    const four = after(Array.from({ length: 4 }, () => down));
    expect([four, admissionTo(four, 0)]).toMatchObject([{ failures: 4, pausedSince: null }, 'ask']);
    expect(paused).toMatchObject({
      failures: 5,
      pausedSince: 0,
      nextProbeAt: 15_000,
      failedProbes: 0,
      reason: 'unavailable',
      error: 'http_503',
    });
  });
  test('is paused at once when it refuses us, or says when to come back (B4)', () => {
    expect(after([{ ...down, reason: 'client_refused', error: 'invalid_client' }])).toMatchObject({
      failures: 1,
      pausedSince: 0,
    });
    expect(after([{ ...down, reason: 'rate_limited', retryAfterMs: 90_000 }])).toMatchObject({
      pausedSince: 0,
      nextProbeAt: 90_000,
    });
    for (const reason of ['rate_limited', 'request_refused', 'no_answer'] as const)
      expect(after([{ ...down, reason }])?.pausedSince).toBeNull();
  });
  test('is believed for an hour at most when it says when to come back', () => {
    expect(after([{ ...down, reason: 'rate_limited', retryAfterMs: 48 * 60 * MINUTE }])?.nextProbeAt).toBe(60 * MINUTE);
  });
});

describe('a paused provider', () => {
  test('is asked by nobody before its time, then by one at a time (B4)', () => {
    if (!paused) throw new Error('not paused');
    expect([admissionTo(paused, 14_999), waitFor(paused, 14_000)]).toEqual(['wait', 1_000]);
    expect(admissionTo(paused, 15_000)).toBe('probe');
    expect(admissionTo(claimProbe(paused, 15_000), 15_001)).toBe('wait');
    expect(admissionTo(claimProbe(paused, 15_000), 15_000 + MINUTE)).toBe('probe');
  });
  test('is asked ever more seldom while probes fail, each five minutes at the seldomest, and its latest words count', () => {
    const probes = Array.from(
      { length: 8 },
      (_, count) =>
        after(
          Array.from({ length: count }, () => down),
          { isProbe: true, from: paused },
        )?.nextProbeAt,
    );
    expect(probes).toEqual([15_000, 30_000, MINUTE, 2 * MINUTE, 4 * MINUTE, 5 * MINUTE, 5 * MINUTE, 5 * MINUTE]);
    expect(
      after([{ ...down, reason: 'client_refused', error: 'invalid_client' }], { now: 99, isProbe: true, from: paused }),
    ).toMatchObject({
      reason: 'client_refused',
      error: 'invalid_client',
      pausedSince: 0,
      failedAt: 99,
      failedProbes: 1,
      probingUntil: null,
    });
  });
  test('is not paused for longer by answers to what was asked before', () => {
    expect(after([down, down], { now: 5_000, from: paused })).toEqual(paused);
  });
});
