import { expect, test } from 'vitest';
import {
  activeOf,
  nextRotationStep,
  RETIREMENT_MS,
  retiresAt,
  stateOf,
  type ScheduledKey,
} from './signing-key-schedule.js';

const DAY = 86_400_000;
const policy = { rotateEveryMs: 90 * DAY, publishAheadMs: 600_000, renewOlderThan: undefined, algorithm: undefined };
const key = (kid: string, signsFrom: number, changes: Partial<ScheduledKey> = {}): ScheduledKey => ({
  kid,
  algorithm: 'ES256',
  createdAt: signsFrom,
  signsFrom,
  withdrawnAt: undefined,
  ...changes,
});

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
  expect(nextRotationStep([], policy, 5_000)).toEqual({ type: 'create', signsFrom: 5_000 });
});

test('a successor is made ahead of its time, and only one', () => {
  const first = key('a', 0);
  expect(nextRotationStep([first], policy, 90 * DAY - 600_001)).toBeUndefined();
  expect(nextRotationStep([first], policy, 90 * DAY - 600_000)).toEqual({ type: 'create', signsFrom: 90 * DAY });
  expect(nextRotationStep([first, key('b', 90 * DAY)], policy, 90 * DAY - 1)).toBeUndefined();
  expect(nextRotationStep([first, key('b', 90 * DAY)], policy, 90 * DAY)).toBeUndefined();
});

test('after a long standstill the successor is published before it signs all the same', () => {
  expect(nextRotationStep([key('a', 0)], policy, 400 * DAY)).toEqual({
    type: 'create',
    signsFrom: 400 * DAY + 600_000,
  });
});

test('the command renews what is older, once', () => {
  const commanded = { ...policy, renewOlderThan: DAY };
  const first = key('a', 0);
  expect(nextRotationStep([first], { ...policy, renewOlderThan: 0 }, DAY)).toBeUndefined();
  expect(nextRotationStep([first], commanded, DAY)).toEqual({ type: 'create', signsFrom: DAY + 600_000 });
  const second = key('b', DAY + 600_000, { createdAt: DAY });
  expect(nextRotationStep([first, second], commanded, DAY + 1)).toBeUndefined();
  expect(nextRotationStep([first, second], commanded, 2 * DAY)).toBeUndefined();
});

test('another algorithm is a rotation: published ahead, once', () => {
  const other = { ...policy, algorithm: 'EdDSA' };
  const first = key('a', 0);
  expect(nextRotationStep([first], { ...policy, algorithm: 'ES256' }, DAY)).toBeUndefined();
  expect(nextRotationStep([first], other, DAY)).toEqual({ type: 'create', signsFrom: DAY + 600_000 });
  const second = key('b', DAY + 600_000, { algorithm: 'EdDSA' });
  expect(nextRotationStep([first, second], other, DAY + 1)).toBeUndefined();
  expect(nextRotationStep([first, second], other, 2 * DAY)).toBeUndefined();
});

test('when the signing key is withdrawn its successor signs at once: the one that is published already, or a new one', () => {
  const gone = key('a', 0, { withdrawnAt: DAY });
  expect(nextRotationStep([gone], policy, DAY)).toEqual({ type: 'create', signsFrom: DAY });
  expect(nextRotationStep([gone, key('b', DAY + 1)], policy, DAY)).toEqual({ type: 'promote', kid: 'b' });
  expect(nextRotationStep([gone, key('b', DAY + 1, { withdrawnAt: DAY })], policy, DAY)).toEqual({
    type: 'create',
    signsFrom: DAY,
  });
});

test('a key that retires does not sign again because its successor was withdrawn', () => {
  const retiring = key('a', 0, { withdrawnAt: 2 * DAY });
  const gone = key('b', 1_000, { withdrawnAt: DAY });
  expect(activeOf([retiring, gone], DAY)).toBeUndefined();
  expect(stateOf(retiring, [retiring, gone], DAY)).toBe('retiring');
  expect(nextRotationStep([retiring, gone], policy, DAY)).toEqual({ type: 'create', signsFrom: DAY });
  expect(nextRotationStep([retiring, gone, key('c', DAY + 1)], policy, DAY)).toEqual({ type: 'promote', kid: 'c' });
});

test('a key withdrawn before it ever signed changes nothing when its time would have come', () => {
  const keys = [key('a', 0), key('b', 1_000, { withdrawnAt: 900 })];
  expect(activeOf(keys, 2_000)?.kid).toBe('a');
  expect(nextRotationStep(keys, policy, 2_000)).toBeUndefined();
});

test('a key retires two hours after its successor began, and not when that was withdrawn before it ever signed', () => {
  const first = key('a', 0);
  expect(retiresAt(first, [first])).toBeUndefined();
  expect(retiresAt(first, [first, key('b', 1_000), key('c', 2_000)])).toBe(1_000 + RETIREMENT_MS);
  expect(retiresAt(first, [first, key('b', 1_000, { withdrawnAt: 1_500 })])).toBe(1_000 + RETIREMENT_MS);
  expect(retiresAt(first, [first, key('b', 1_000, { withdrawnAt: 900 })])).toBeUndefined();
  expect(retiresAt(first, [first, key('b', 1_000, { withdrawnAt: 900 }), key('c', 2_000)])).toBe(2_000 + RETIREMENT_MS);
});
