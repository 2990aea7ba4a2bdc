import { describe, expect, test } from 'vitest';
import { backOff, isNearExpiry, nextConnectionState, refreshDueAt } from './index.js';
import type { ConnectionStanding } from './index.js';

const MINUTE = 60_000;

describe('when a token is due', () => {
  test('is a share of its lifetime before its end, spread by jitter (R38)', () => {
    expect(refreshDueAt({ obtainedAt: 0, expiresAt: 60 * MINUTE, random: 0 })).toBe(48 * MINUTE);
    expect(refreshDueAt({ obtainedAt: 0, expiresAt: 60 * MINUTE, random: 0.999 })).toBeGreaterThan(40 * MINUTE);
    expect(refreshDueAt({ obtainedAt: 0, expiresAt: 10_000, random: 0 })).toBe(8_000);
  });
  test('a long-lived one is touched daily, an endless one never', () => {
    expect(refreshDueAt({ obtainedAt: 0, expiresAt: 400 * 24 * 60 * MINUTE, random: 0 })).toBe(24 * 60 * MINUTE);
    expect(refreshDueAt({ obtainedAt: 0, expiresAt: null, random: 0.5 })).toBeNull();
  });
  test('one that has ended on arrival is not asked for at once again (B4)', () => {
    for (const expiresAt of [1_000, 500]) expect(refreshDueAt({ obtainedAt: 1_000, expiresAt, random: 0.9 })).toBe(61_000);
  });
  test('a lease does not start on a token about to end', () => {
    expect([59_999, 60_000, 60_001].map((left) => isNearExpiry({ expiresAt: 1_000_000 + left, now: 1_000_000 }))).toEqual([true, true, false]);
    expect(isNearExpiry({ expiresAt: null, now: 1 })).toBe(false);
  });
});

describe('backing off', () => {
  test('doubles, is capped, and is jittered downwards by half at most', () => {
    expect([1, 2, 3, 50].map((failures) => backOff({ failures, random: 0 }))).toEqual([15_000, 30_000, 60_000, 15 * MINUTE]);
    expect(backOff({ failures: 1, random: 0.999 })).toBeGreaterThanOrEqual(7_500);
  });
  test('honours Retry-After, up to an hour', () => {
    expect(backOff({ failures: 1, random: 0, retryAfterMs: 5 * MINUTE })).toBe(5 * MINUTE);
    expect(backOff({ failures: 1, random: 0, retryAfterMs: 100 * 60 * MINUTE })).toBe(60 * MINUTE);
  });
});

describe('the state of a connection', () => {
  const at = { now: 1_000_000, random: 0 };
  const standing = (state: ConnectionStanding['state'], refreshFailures = 0): ConnectionStanding => ({ state, refreshFailures });

  test('is connected again by a refresh, whatever went before', () => {
    expect(nextConnectionState(standing('retrying', 7), { type: 'refreshed', accessExpiresAt: 1_100_000 }, at)).toEqual({ state: 'connected', refreshFailures: 0, refreshDueAt: 1_080_000, event: 'connection.refreshed' });
  });
  test('no number of faults of the provider condemns the grant (B4)', () => {
    let current = standing('connected');
    for (let i = 0; i < 100; i++) {
      const next = nextConnectionState(current, i % 2 ? { type: 'transient' } : { type: 'provider_fault', error: 'invalid_client' }, at);
      expect(next.state).toBe(i % 2 ? 'retrying' : 'provider_fault');
      expect(next.refreshDueAt).toBeGreaterThan(at.now);
      current = next;
    }
  });
  test('only a dead grant asks the user to reconnect, and then nothing is due any more (B4)', () => {
    expect(nextConnectionState(standing('connected'), { type: 'dead_grant' }, at)).toEqual({ state: 'needs_reconnect', refreshFailures: 1, refreshDueAt: null, event: 'connection.needs_reconnect' });
  });
});
