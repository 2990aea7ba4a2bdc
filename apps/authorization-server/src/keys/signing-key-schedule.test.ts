import { expect, test } from 'vitest';
import { activeOf, stateOf, successorSignsFrom, type ScheduledKey } from './signing-key-schedule.js';

const DAY = 86_400_000;
const policy = { rotateEveryMs: 90 * DAY, publishAheadMs: 600_000, renewOlderThan: undefined };
const key = (kid: string, signsFrom: number, changes: Partial<ScheduledKey> = {}): ScheduledKey => ({ kid, createdAt: signsFrom, signsFrom, withdrawnAt: undefined, ...changes });

test('a key is next, active, retiring and withdrawn, in this order, and one is active at any time', () => {
  const keys = [key('a', 0, { withdrawnAt: 3_000 }), key('b', 1_000, { createdAt: 500, withdrawnAt: undefined })];
  const states = (now: number) => keys.map((one) => stateOf(one, keys, now));
  expect(states(500)).toEqual(['active', 'next']);
  expect(states(1_000)).toEqual(['retiring', 'active']);
  expect(states(3_000)).toEqual(['withdrawn', 'active']);
  for (let now = 0; now < 5_000; now += 100) expect(states(now).filter((state) => state === 'active')).toHaveLength(1);
  expect(activeOf([], 0)).toBeUndefined();
});

test('the first key signs at once', () => {
  expect(successorSignsFrom([], policy, 5_000)).toBe(5_000);
});

test('a successor is made ahead of its time, and only one', () => {
  const first = key('a', 0);
  expect(successorSignsFrom([first], policy, 90 * DAY - 600_001)).toBeUndefined();
  expect(successorSignsFrom([first], policy, 90 * DAY - 600_000)).toBe(90 * DAY);
  expect(successorSignsFrom([first, key('b', 90 * DAY)], policy, 90 * DAY - 1)).toBeUndefined();
  expect(successorSignsFrom([first, key('b', 90 * DAY)], policy, 90 * DAY)).toBeUndefined();
});

test('after a long standstill the successor is published before it signs all the same', () => {
  expect(successorSignsFrom([key('a', 0)], policy, 400 * DAY)).toBe(400 * DAY + 600_000);
});

test('the command renews what is older, once, and not before its moment', () => {
  const commanded = { ...policy, renewOlderThan: DAY };
  const first = key('a', 0);
  expect(successorSignsFrom([first], commanded, DAY - 1)).toBeUndefined();
  expect(successorSignsFrom([first], commanded, DAY + 1)).toBe(DAY + 1 + 600_000);
  const second = key('b', DAY + 600_001, { createdAt: DAY + 1 });
  expect(successorSignsFrom([first, second], commanded, 2 * DAY)).toBeUndefined();
});
