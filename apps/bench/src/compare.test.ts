import { expect, test } from 'vitest';
import { compare, percentile, summarise } from './compare.js';

const round = (requests: number, errors = 0) => ({
  requests,
  errors,
  seconds: 1,
  latencies: Array.from({ length: 100 }, (_, index) => index + 1),
});

test('rounds of one subject are added up, not averaged', () => {
  expect(summarise('bare', [round(100), round(300)])).toEqual({
    name: 'bare',
    requestsPerSecond: 200,
    p50: 50,
    p99: 99,
    errors: 0,
  });
});

test('the subject passes at the wanted part of the baseline, and fails just below it', () => {
  const baseline = summarise('bare', [round(1000)]);
  expect(compare(baseline, summarise('gateway', [round(250)]), 0.25)).toMatchObject({ passed: true, ratio: 0.25 });
  expect(compare(baseline, summarise('gateway', [round(249)]), 0.25)).toMatchObject({ passed: false });
});

test('a call without a result fails the comparison, however fast it was', () => {
  const verdict = compare(summarise('bare', [round(1000)]), summarise('gateway', [round(900, 1)]), 0.25);
  expect(verdict.passed).toBe(false);
  expect(verdict.text).toContain('1 calls did not answer with a result');
});

test('percentiles are nearest ranks', () => {
  expect([percentile([1, 2, 3, 4], 0.5), percentile([1, 2, 3, 4], 0.99), percentile([], 0.5)]).toEqual([
    2,
    4,
    Number.NaN,
  ]);
});
