import { expect, test } from 'vitest';
import { clockMoment, relativeMoment } from './moment.js';

const now = Date.parse('2026-11-30T12:00:00Z');

test.each([
  ['2026-11-30T11:59:59.500Z', 'now'],
  ['2026-11-30T11:59:30Z', '30s ago'],
  ['2026-11-30T11:00:01Z', '59m ago'],
  ['2026-11-30T14:00:00Z', 'in 2h'],
  ['2026-12-14T12:00:00Z', 'in 14d'],
  ['2026-01-05T12:00:00Z', '2026-01-05'],
  [null, '–'],
])('%s is %s', (moment, words) => {
  expect(relativeMoment(moment, now)).toBe(words);
});

test('the clock leaves out the day of today only', () => {
  expect(clockMoment(now - 3_600_000, now)).toBe('11:00:00');
  expect(clockMoment(now - 86_400_000, now)).toBe('2026-11-29 12:00:00');
});
