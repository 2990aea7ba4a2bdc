import { expect, test } from 'vitest';
import { decidedSince } from './permit-watch.js';

test('calls that began together are decided again one after the other, each within ten seconds (S17, S34)', () => {
  const due = Array.from({ length: 250 }, () => decidedSince(100_000) + 10_000);
  expect([Math.min(...due) >= 100_000, Math.max(...due) <= 110_000]).toEqual([true, true]);
  const inHalfSeconds = Map.groupBy(due, (at) => Math.floor((at - 100_000) / 500));
  expect(inHalfSeconds.size).toBe(20);
  expect(Math.max(...[...inHalfSeconds.values()].map(({ length }) => length))).toBeLessThan(20);
});
