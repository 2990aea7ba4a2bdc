import { expect, test } from 'vitest';
import { RecordNumbers } from './record-numbers.js';

test('a process numbers its records from 1 on, and its next incarnation is another writer (R80)', () => {
  const [numbers, later] = [new RecordNumbers('gateway-1'), new RecordNumbers('gateway-1')];
  expect([numbers.next(), numbers.next(), numbers.next(), later.next()]).toEqual([1, 2, 3, 1]);
  expect(later.writer).not.toBe(numbers.writer);
});

test('a writer is of its replica, and of no other that is called like it (S26)', () => {
  const { writer } = new RecordNumbers('gateway-1');
  expect(RecordNumbers.isOf('gateway-1', writer)).toBe(true);
  for (const [replica, named] of [
    ['gateway-2', writer],
    ['gateway', writer],
    ['gateway-1', `gateway-1.${writer}`],
    ['gateway-1', 'gateway-1'],
    ['gateway-1', `${writer}0`],
  ] as const)
    expect(RecordNumbers.isOf(replica, named)).toBe(false);
});
