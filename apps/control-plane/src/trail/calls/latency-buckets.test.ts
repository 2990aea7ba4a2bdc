import { expect, test } from 'vitest';
import { bucketOf, LATENCY_ERROR, latencyOf } from './latency-buckets.js';

test('a latency that is told is at most 12 percent from the one that was measured (R77)', () => {
  expect(LATENCY_ERROR).toBeLessThan(0.12);
  for (let ms = 1.01; ms < 600_000; ms *= 1.0173) {
    const told = latencyOf(bucketOf(ms));
    // And rounded to a tenth of a millisecond.
    expect(Math.max(told / ms, ms / told) - 1).toBeLessThan(LATENCY_ERROR + 0.05 / ms);
  }
});

test('what is shorter than a millisecond, or longer than any call may take, has a bucket too', () => {
  expect([0, 0.3, 1].map((ms) => latencyOf(bucketOf(ms)))).toEqual([1, 1, 1]);
  expect(bucketOf(-5)).toBe(0);
  expect(bucketOf(1e12)).toBe(60);
});
