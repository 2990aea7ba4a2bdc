import { expect, test } from 'vitest';
import { durationMs, durationSeconds } from './duration.js';

test('a duration is a number and a unit', () => {
  expect(['250ms', '90s', '15m', '12h', '14d', '0s'].map(durationMs)).toEqual([
    250, 90_000, 900_000, 43_200_000, 1_209_600_000, 0,
  ]);
  expect(['90s', '15m', '12h', '14d'].map(durationSeconds)).toEqual([90, 900, 43_200, 1_209_600]);
});

test('whatever else is written is no duration, and never read as zero or as another one', () => {
  const others = ['', '90', 's', '90 s', '90S', '-1s', '1.5h', '1h30m', '1w', '9999999999s', '0x10s', '90s\n'];
  expect(others.map(durationMs)).toEqual(others.map(() => undefined));
  expect([...others, '250ms'].map(durationSeconds)).toEqual([...others, ''].map(() => undefined));
});
