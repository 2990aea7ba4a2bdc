import { describe, expect, test } from 'vitest';
import { backOff } from './back-off.js';
import { isNearExpiry, refreshDueAt } from './due-time.js';
import { nextConnectionState, type CurrentState } from './connection-state.js';

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
    for (const expiresAt of [1_000, 500])
      expect(refreshDueAt({ obtainedAt: 1_000, expiresAt, random: 0.9 })).toBe(61_000);
  });
  test('a lease does not start on a token about to end', () => {
    expect(
      [59_999, 60_000, 60_001].map((left) => isNearExpiry({ expiresAt: 1_000_000 + left, now: 1_000_000 })),
    ).toEqual([true, true, false]);
    expect(isNearExpiry({ expiresAt: null, now: 1 })).toBe(false);
  });
});

describe('backing off', () => {
  test('doubles, is capped, and is jittered downwards by half at most', () => {
    expect([1, 2, 3, 50].map((failures) => backOff({ failures, random: 0 }))).toEqual([
      15_000,
      30_000,
      60_000,
      5 * MINUTE,
    ]);
    expect(backOff({ failures: 1, random: 0.999 })).toBeGreaterThanOrEqual(7_500);
  });
  test('honours Retry-After, up to an hour', () => {
    expect(backOff({ failures: 1, random: 0, retryAfterMs: 5 * MINUTE })).toBe(5 * MINUTE);
    expect(backOff({ failures: 1, random: 0, retryAfterMs: 100 * 60 * MINUTE })).toBe(60 * MINUTE);
  });
});

describe('the state of a connection', () => {
  const at = { now: 1_000_000, random: 0 };
  const stateOf = (state: CurrentState['state'], refreshFailures = 0): CurrentState => ({
    state,
    refreshFailures,
  });

  test('is connected again by a refresh, whatever went before', () => {
    expect(
      nextConnectionState(stateOf('misconfigured', 7), { type: 'refreshed', accessExpiresAt: 1_100_000 }, at),
    ).toEqual({ state: 'connected', refreshFailures: 0, refreshDueAt: 1_080_000, event: 'connection.refreshed' });
  });
  test("shows none of its provider's faults, however many there are: only its next attempt is put off (B4)", () => {
    let current = stateOf('connected');
    for (const reason of ['unavailable', 'client_refused', 'rate_limited', 'no_answer', 'request_refused'] as const) {
      for (let i = 0; i < 20; i++) {
        const next = nextConnectionState(
          current,
          { type: 'provider_failed', reason, error: null, description: null },
          at,
        );
        expect(next.state).toBe('connected');
        expect(next.refreshDueAt).toBeGreaterThan(at.now);
        current = next;
      }
    }
  });
  test("does not count a refusal of our client, which is no connection's (B4)", () => {
    expect(
      nextConnectionState(
        stateOf('connected', 2),
        { type: 'provider_failed', reason: 'client_refused', error: 'invalid_client', description: null },
        at,
      ),
    ).toMatchObject({ refreshFailures: 2, refreshDueAt: at.now + 30_000 });
    expect(
      nextConnectionState(
        stateOf('connected', 2),
        { type: 'provider_failed', reason: 'unavailable', error: null, description: null },
        at,
      ),
    ).toMatchObject({ refreshFailures: 3, refreshDueAt: at.now + 60_000 });
  });
  test('says so when it is our own configuration it waits for', () => {
    expect(
      nextConnectionState(stateOf('connected'), { type: 'misconfigured', error: 'not_configured' }, at),
    ).toMatchObject({ state: 'misconfigured', refreshDueAt: at.now + 10 * MINUTE });
  });
  test('only a dead grant asks the user to reconnect, and then nothing is due any more (B4)', () => {
    expect(nextConnectionState(stateOf('connected'), { type: 'dead_grant', description: null }, at)).toEqual({
      state: 'needs_reconnect',
      refreshFailures: 1,
      refreshDueAt: null,
      event: 'connection.needs_reconnect',
    });
  });
});
