import { expect, test } from 'vitest';
import { EventTally } from './event-tally.js';

test('the first are told one by one, and beyond a rate they are summed up per reason and minute: none goes untold (S33)', () => {
  let now = 1_000;
  const tally = new EventTally({ clock: () => now, burst: 3, perMinute: 2 });
  const told = Array.from({ length: 10_000 }, (_, i) =>
    tally.note('token.refused', i % 2 === 0 ? 'no_token' : 'expired', `192.0.2.${i % 200}`),
  );
  expect(told.filter(Boolean)).toHaveLength(3);
  expect(tally.take()).toEqual([]);
  now += 60_000;
  const sums = tally.take();
  expect(sums.map(({ reason, count }) => [reason, count])).toEqual([
    ['expired', 4_999],
    ['no_token', 4_998],
  ]);
  expect(sums.map(({ addresses }) => addresses.length)).toEqual([8, 8]);
  expect(sums.map(({ from, to }) => [from, to])).toEqual([
    [1_000, 1_000],
    [1_000, 1_000],
  ]);
  expect(tally.take('all')).toEqual([]);
  expect([
    tally.note('token.refused', 'no_token'),
    tally.note('token.refused', 'no_token'),
    tally.note('token.refused', 'no_token'),
  ]).toEqual([true, true, false]);
});

test('what could not be told yet is counted on, and reasons somebody makes up fill no memory (S33)', () => {
  let now = 0;
  const tally = new EventTally({ clock: () => now, burst: 0 });
  tally.note('token.refused', 'expired', '192.0.2.1');
  now = 60_000;
  const [sum] = tally.take();
  if (sum !== undefined) tally.add(sum);
  tally.note('token.refused', 'expired', '192.0.2.2');
  expect(tally.take()).toEqual([
    { of: 'token.refused', reason: 'expired', count: 2, from: 0, to: 60_000, addresses: ['192.0.2.1', '192.0.2.2'] },
  ]);
  for (let i = 0; i < 1_000; i++) tally.note('token.refused', `made up ${i}`, null);
  const sums = tally.take('all');
  expect([sums.length, sums.reduce((total, { count }) => total + count, 0)]).toEqual([65, 1_000]);
});

test('a clock that goes back neither stops the sums nor makes them many', () => {
  let now = 1_000_000;
  const tally = new EventTally({ clock: () => now, burst: 1 });
  now = 0;
  expect([tally.note('token.refused', 'expired'), tally.note('token.refused', 'expired')]).toEqual([true, false]);
  now = -1;
  expect(tally.take()).toHaveLength(1);
});

test('a flood of one type hides no event of another (S33)', () => {
  const tally = new EventTally({ clock: () => 0, burst: 2 });
  for (let i = 0; i < 100; i++) tally.note('token.refused', 'expired');
  expect([tally.note('user.sign_in_failed', 'denied'), tally.note('token.refused', 'expired')]).toEqual([true, false]);
});
