import { expect, test } from 'vitest';
import { ForcedRefreshes } from './forced-refreshes.js';

test('a connection is refreshed by force once a minute, each on its own (S24)', () => {
  let now = 0;
  const forced = new ForcedRefreshes(() => now);
  expect([forced.mayRefresh('a'), forced.mayRefresh('a'), forced.mayRefresh('b')]).toEqual([true, false, true]);
  now = 59_999;
  expect(forced.mayRefresh('a')).toBe(false);
  now = 60_000;
  expect([forced.mayRefresh('a'), forced.mayRefresh('b'), forced.mayRefresh('a')]).toEqual([true, true, false]);
  now = -3_600_000;
  expect(forced.mayRefresh('a')).toBe(false);
  now += 60_000;
  expect(forced.mayRefresh('a')).toBe(true);
});
