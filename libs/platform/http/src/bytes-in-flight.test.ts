import { expect, test } from 'vitest';
import { BytesInFlight } from './bytes-in-flight.js';

test('an owner holds no more than its own limit, and gives it back once (S33)', () => {
  const refusals: string[] = [];
  const bytes = new BytesInFlight({ perOwner: 10, total: 100 }, (refusal) => refusals.push(refusal));
  const [one, two] = [bytes.open('alice'), bytes.open('alice')];
  expect([one.take(6), two.take(5), two.take(4), two.take(1)]).toEqual([
    undefined,
    'own-limit',
    undefined,
    'own-limit',
  ]);
  expect([bytes.held, bytes.heldBy('alice'), refusals]).toEqual([10, 10, ['own-limit', 'own-limit']]);
  one.release();
  one.release();
  expect([bytes.held, one.take(1), two.take(6)]).toEqual([4, 'own-limit', undefined]);
  two.release();
  expect([bytes.held, bytes.heldBy('alice')]).toEqual([0, 0]);
});

test('whoever takes what there is leaves room for others: the one who holds most is refused first (S33)', () => {
  const bytes = new BytesInFlight({ total: 100 });
  const takeAll = (owner: string) => {
    const held = bytes.open(owner);
    while (held.take(1) === undefined);
    return bytes.heldBy(owner);
  };
  expect([takeAll('alice'), takeAll('bob'), takeAll('carol')]).toEqual([50, 25, 13]);
  expect(bytes.open('alice').take(1)).toBe('all-limit');
  expect(bytes.open('dora').take(6)).toBeUndefined();
});
