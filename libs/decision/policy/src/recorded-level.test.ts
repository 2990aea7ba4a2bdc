import { expect, test } from 'vitest';
import { stricterLevel } from './recorded-level.js';

test.each([
  [undefined, undefined, undefined],
  ['none', undefined, undefined],
  ['none', 'full', undefined],
  ['full', 'none', undefined],
  ['full', undefined, 'full'],
  [undefined, 'shape', 'shape'],
  ['full', 'redacted', 'redacted'],
  ['shape', 'redacted', 'shape'],
] as const)('of %s and %s of the two hops, what is recorded is %s (S30)', (first, second, expected) => {
  expect(stricterLevel(first, second)).toBe(expected);
});
