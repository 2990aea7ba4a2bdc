import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { constantTimeEqual, isId, newId, SallyportError, Secret, steady, timeOfId } from './index.js';

describe('ids', () => {
  test('an id carries its prefix and sorts by creation time', () => {
    const earlier = newId('usr', 1_000);
    const later = newId('usr', 2_000);
    expect(isId('usr', earlier)).toBe(true);
    expect(isId('ses', earlier)).toBe(false);
    expect([later, earlier].toSorted()).toEqual([earlier, later]);
  });
  test('an id says when it was made, and what is none says nothing', () => {
    for (const time of [0, 1_000, 1_796_007_396_123]) expect(timeOfId('ses', newId('ses', time))).toBe(time);
    expect([timeOfId('ses', newId('usr', 1_000)), timeOfId('ses', 'ses_x')]).toEqual([undefined, undefined]);
  });
  test('two ids of one millisecond differ', () => {
    expect(newId('evt', 1)).not.toBe(newId('evt', 1));
  });
  test('something that only looks like an id is refused', () => {
    expect(isId('usr', 'usr_')).toBe(false);
    expect(isId('usr', 'usr_IIIIIIIIIIIIIIIIIIIIIIIIII')).toBe(false);
    expect(isId('usr', 7)).toBe(false);
  });
});

test('a steady clock goes on from where it was when the clock is set back, however often', () => {
  let now = 1_000;
  const clock = steady(() => now);
  const at = (time: number) => {
    now = time;
    return clock();
  };
  expect([at(2_000), at(500), at(600), at(100), at(150), at(9_150)]).toEqual([
    2_000, 2_000, 2_100, 2_100, 2_150, 11_150,
  ]);
});

describe('Secret', () => {
  test('prints as [redacted] in strings, JSON and inspection, and reveals only when asked', () => {
    const secret = new Secret('hunter2');
    expect([`${secret}`, JSON.stringify({ secret }), inspect({ secret })].join()).not.toContain('hunter2');
    expect(secret.reveal()).toBe('hunter2');
  });
  test('constant-time comparison tells equal from unequal, also in length', () => {
    expect(constantTimeEqual('a', 'a')).toBe(true);
    expect(constantTimeEqual('a', 'b')).toBe(false);
    expect(constantTimeEqual('a', 'aa')).toBe(false);
  });
});

test('the detail of an error is never serialised', () => {
  const error = new SallyportError('vault_key_missing', 'The vault key is missing.', { detail: { key: 'k1' } });
  expect(JSON.stringify(error)).toBe('{"code":"vault_key_missing","message":"The vault key is missing."}');
  expect(inspect(error)).not.toContain('k1');
  expect(error.detail).toEqual({ key: 'k1' });
});
