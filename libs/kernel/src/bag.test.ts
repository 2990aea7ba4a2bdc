import { expect, test } from 'vitest';
import { Bag } from './bag.js';

test('a bag has what was put in and not taken out', () => {
  const bag = new Bag<number>();
  const remove = Array.from({ length: 10 }, (_, item) => bag.add(item));
  for (const item of [9, 0, 4]) remove[item]?.();
  expect(new Set(bag.items())).toEqual(new Set([1, 2, 3, 5, 6, 7, 8]));
  bag.add(10);
  for (const item of [0, 4, 9]) remove[item]?.(); // once more does nothing
  expect([bag.size, bag.items().includes(10)]).toEqual([8, true]);
  for (const again of remove) again();
  expect(bag.items()).toEqual([10]);
});
test('the same thing may be in it twice, and is taken out place by place', () => {
  const bag = new Bag<string>();
  const [first] = [bag.add('a'), bag.add('a')];
  first();
  first();
  expect(bag.items()).toEqual(['a']);
});
