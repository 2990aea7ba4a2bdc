import { expect, test } from 'vitest';
import { OwnTokens } from './own-tokens.js';

const key = (byte: number) => new Uint8Array(32).fill(byte);

test('a token is known as ours on every replica, and nothing else is (S32)', () => {
  const [one, other, stranger] = [new OwnTokens(key(1)), new OwnTokens(key(1)), new OwnTokens(key(2))];
  const token = one.make();
  expect(token).toMatch(/^[A-Za-z0-9_-]{65}$/);
  expect([one.isOurs(token), other.isOurs(token), stranger.isOurs(token)]).toEqual([true, true, false]);
  const last = token.endsWith('A') ? 'B' : 'A';
  const first = token.startsWith('A') ? 'B' : 'A';
  for (const guess of [
    '',
    'a',
    token.slice(0, 43),
    `${token.slice(0, -1)}${last}`,
    `${first}${token.slice(1)}`,
    `${token}A`,
    undefined,
    [token],
  ])
    expect(one.isOurs(guess)).toBe(false);
});
