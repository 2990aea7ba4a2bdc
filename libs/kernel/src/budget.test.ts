import { expect, test } from 'vitest';
import { Budget } from './budget.js';

const at = (start = 1_000_000) => {
  let now = start;
  return { clock: () => now, pass: (ms: number) => (now += ms) };
};

test("a minute's worth may be spent at once, and no more", () => {
  const { clock, pass } = at();
  const budget = new Budget(clock);
  expect(Array.from({ length: 4 }, () => budget.take('a', 3))).toEqual([
    undefined,
    undefined,
    undefined,
    { retryAfterSeconds: 20 },
  ]);
  pass(20_000);
  expect([budget.take('a', 3), budget.take('a', 3)]).toEqual([undefined, { retryAfterSeconds: 20 }]);
  pass(60_000);
  expect(Array.from({ length: 4 }, () => budget.take('a', 3)).filter(Boolean)).toHaveLength(1);
});

test("one key's spending is nobody else's, and a refusal costs nothing", () => {
  const { clock, pass } = at();
  const budget = new Budget(clock);
  budget.take('a', 1);
  for (let again = 0; again < 50; again++) expect(budget.take('a', 1)).toEqual({ retryAfterSeconds: 60 });
  expect(budget.take('b', 1)).toBeUndefined();
  pass(60_000);
  expect(budget.take('a', 1)).toBeUndefined();
});

test('looking costs nothing either, and a changed limit counts at once', () => {
  const { clock } = at();
  const budget = new Budget(clock);
  for (let looks = 0; looks < 5; looks++) expect(budget.spent('a', 2)).toBeUndefined();
  budget.charge('a', 2);
  budget.charge('a', 2);
  expect(budget.spent('a', 2)).toEqual({ retryAfterSeconds: 30 });
  expect(budget.spent('a', 1_000)).toEqual({ retryAfterSeconds: 1 });
});

test("a clock that jumps back for a moment does not lock anybody out for longer than a minute's worth", () => {
  const { clock, pass } = at();
  const budget = new Budget(clock);
  budget.take('a', 60);
  pass(-5_000);
  expect(budget.take('a', 60)).toBeUndefined();
});

test('a clock that is set back by days locks nobody out', () => {
  const { clock, pass } = at(1_000_000_000);
  const budget = new Budget(clock);
  for (let i = 0; i < 3; i++) budget.take('a', 3);
  pass(-500_000_000);
  expect(budget.take('a', 3)).toEqual({ retryAfterSeconds: 20 });
  pass(20_000);
  expect(budget.take('a', 3)).toBeUndefined();
});
