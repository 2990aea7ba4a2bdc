import { expect, test } from 'vitest';
import { Places } from './places.js';

test('places are taken per user and altogether, and given back', () => {
  const places = new Places({ perUser: 2, total: 5 });
  const first = places.enter('alice');
  expect(first).toBeDefined();
  expect(places.enter('alice')).toBeDefined();
  expect([places.enter('alice'), places.isByAll('alice')]).toEqual([undefined, false]);
  expect(places.enter('bob')).toBeDefined();
  expect(places.enter('bob')).toBeDefined();
  expect(places.enter('carol')).toBeDefined();
  expect([places.enter('dave'), places.isByAll('dave')]).toEqual([undefined, true]);
  first?.();
  expect(places.enter('dave')).toBeDefined();
});

test('users who take all they can leave room for the next one, and one who goes back gets a place again (S32)', () => {
  const places = new Places({ perUser: 256, total: 4_000 });
  const held = Array.from({ length: 20 }, (_, n) => {
    const leaves: (() => void)[] = [];
    for (let leave = places.enter(`greedy-${n}`); leave !== undefined; leave = places.enter(`greedy-${n}`))
      leaves.push(leave);
    return leaves;
  });
  expect(held[0]).toHaveLength(256);
  expect([places.enter('late') === undefined, places.isByAll('greedy-19')]).toEqual([false, true]);
  expect(places.enter('greedy-0')).toBeUndefined();
  held[0]?.forEach((leave) => leave());
  expect(places.enter('greedy-0')).toBeDefined();
});
