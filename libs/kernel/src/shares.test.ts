import { expect, test } from 'vitest';
import { Shares } from './shares.js';

/** Takes places until refused, at most `most`. */
function fill(shares: Shares, owner: string, most = 1_000_000): number {
  let taken = 0;
  while (taken < most && shares.refusal(owner) === undefined) {
    shares.take(owner);
    taken += 1;
  }
  return taken;
}

test('one owner gets a part and no more; others find room, and what is given back can be taken again (S32)', () => {
  const shares = new Shares(900);
  expect(fill(shares, 'greedy')).toBe(100);
  expect(shares.refusal('greedy')).toBe('own');
  expect(fill(shares, 'modest', 50)).toBe(50);
  expect(shares.refusal('greedy')).toBe('own');
  for (let count = 0; count < 80; count++) shares.giveBack('greedy');
  expect(fill(shares, 'greedy')).toBeGreaterThan(60);
});

test('twenty that are greedy leave room to whoever comes then (S32)', () => {
  const shares = new Shares(10_000);
  for (let owner = 0; owner < 20; owner++) fill(shares, `greedy-${owner}`);
  expect(fill(shares, 'late', 50)).toBe(50);
});

test('what is larger takes several places at once, and gives back as many', () => {
  const shares = new Shares(90);
  expect([shares.refusal('a', 13), shares.refusal('a', 12)]).toEqual(['all', undefined]);
  shares.take('a', 8);
  expect([shares.refusal('a', 8), shares.refusal('a', 2), shares.refusal('b', 8), shares.refusal('b', 83)]).toEqual([
    'own',
    undefined,
    undefined,
    'all',
  ]);
  shares.giveBack('a', 8);
  expect(shares.refusal('a', 12)).toBeUndefined();
});

test('who gives back what they do not hold frees nothing, and full is full', () => {
  const shares = new Shares(2);
  shares.giveBack('nobody');
  shares.take('a');
  shares.take('b');
  shares.giveBack('nobody');
  expect([shares.refusal('a'), shares.refusal('c')]).toEqual(['all', 'all']);
});
