import { expect, test } from 'vitest';
import { callStatsRoutes } from './call-stats.js';

const { query: schema } = callStatsRoutes.readCallStats;
const from = '2026-11-30T00:00:00.000Z';
/** What is wrong with it. */
const problemsOf = (query: object) =>
  schema.safeParse({ from, to: '2026-12-01T00:00:00.000Z', ...query }).error?.issues.map(({ message }) => message) ??
  [];

test('an answer is bounded: a longer one is refused, with what to ask for instead (S33)', () => {
  expect(problemsOf({})).toEqual([]);
  expect(problemsOf({ step: '5m' })).toEqual([]);
  expect(problemsOf({ step: '1m' })).toEqual(['steps would be 1440: choose longer ones, at most 400']);
  expect(problemsOf({ step: '15m', to: '2026-12-02T00:00:00.000Z' })).toEqual([
    'steps are shorter than an hour for at most a day',
  ]);
  expect(problemsOf({ step: '5m', by: 'tool', limit: '34' })).toEqual([]);
  expect(problemsOf({ step: '5m', by: 'tool', limit: '35' })).toEqual([
    'steps of all groups would be 10080, at most 10000',
  ]);
  expect(problemsOf({ to: from })).toEqual(['must be later than `from`']);
  expect(problemsOf({ to: '2027-07-01T00:00:00.000Z' })).toEqual(['must be at most 190 days after `from`']);
  expect(problemsOf({ limit: '101' })).toHaveLength(1);
  expect(problemsOf({ by: 'user' })).toHaveLength(1);
});
