import { expect, test } from 'vitest';
import { StreamPauses } from './stream-pauses.js';

test('a server that ends streams again and again is left out for longer each time, for that user, and forgiven when it stops', () => {
  let now = 1_000_000;
  const pauses = new StreamPauses(() => now);
  const ends = () => pauses.note('notes', 'usr_a', now);
  ends();
  expect(pauses.left('notes', 'usr_a')).toBe(0);
  const waits = Array.from({ length: 8 }, () => {
    ends();
    const left = pauses.left('notes', 'usr_a');
    now += left;
    return left;
  });
  expect(waits).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  expect([pauses.left('notes', 'usr_a'), pauses.left('mail', 'usr_a'), pauses.left('notes', 'usr_b')]).toEqual([
    0, 0, 0,
  ]);
  pauses.note('notes', 'usr_a', now - 60_000);
  expect(pauses.left('notes', 'usr_a')).toBe(0);
  ends();
  now += 120_000;
  ends();
  expect(pauses.left('notes', 'usr_a')).toBe(0);
});
