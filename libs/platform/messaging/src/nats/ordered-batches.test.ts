import { expect, test } from 'vitest';
import { OrderedBatches } from './ordered-batches.js';

interface Batch {
  readonly replica: string;
  readonly name: string;
  readonly bytes: number;
}
const batch = (name: string, bytes = 10): Batch => ({ replica: name.slice(0, 1), name, bytes });
function waiting(...names: readonly string[]) {
  const batches = new OrderedBatches<Batch>();
  for (const name of names) batches.add(batch(name));
  return batches;
}
const names = (batches: readonly Batch[]) => batches.map(({ name }) => name).join(' ');
/** The only one that is next, and fails. */
function fail(batches: OrderedBatches<Batch>, now: number): string {
  const [one] = batches.next(now);
  return one === undefined ? 'nothing is next' : batches.failed(one, now);
}

test('what waits goes together, in order, up to a megabyte', () => {
  const batches = waiting('a1', 'b1');
  batches.add(batch('a2', 1024 * 1024));
  expect(names(batches.next(0))).toBe('a1 b1');
  batches.stored(batches.next(0));
  expect(names(batches.next(0))).toBe('a2');
  batches.stored(batches.next(0));
  expect([batches.size, names(batches.next(0))]).toEqual([0, '']);
});

test('what failed together goes each by itself, and what came later together again', () => {
  const batches = waiting('a1', 'a2');
  batches.separate(batches.next(0));
  batches.add(batch('a3'));
  batches.add(batch('b1'));
  const seen: string[] = [];
  while (batches.size > 0) {
    const next = batches.next(0);
    seen.push(names(next));
    batches.stored(next);
  }
  expect(seen).toEqual(['a1', 'a2', 'a3 b1']);
});

test("a publisher's later batches wait behind one that failed, and others' do not", () => {
  const batches = waiting('a1');
  expect(fail(batches, 0)).toBe('waits');
  for (const name of ['a2', 'b1', 'a3', 'b2']) batches.add(batch(name));
  expect(names(batches.next(0))).toBe('b1 b2');
  batches.stored(batches.next(0));
  expect([names(batches.next(0)), batches.dueIn(0)]).toEqual(['', 200]);
  expect(names(batches.next(200))).toBe('a1');
  batches.stored(batches.next(200));
  expect(names(batches.next(200))).toBe('a2 a3');
});

test('it is tried more and more seldom, for as long as nothing can be stored', () => {
  const batches = waiting('a1');
  const pauses: number[] = [];
  for (let now = 0; pauses.length < 50; now += batches.dueIn(now)) {
    expect(fail(batches, now)).toBe('waits');
    pauses.push(batches.dueIn(now));
  }
  expect(pauses.slice(0, 7)).toEqual([200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
  batches.add(batch('a2'));
  expect(names(batches.next(300_000))).toBe('a1');
});

test('one that fails although others are stored is set aside, and those behind it go on', () => {
  const batches = waiting('a1');
  fail(batches, 0);
  batches.add(batch('a2'));
  batches.add(batch('b1'));
  batches.stored(batches.next(0));
  const outcomes = [1, 2, 3, 4].map((round) => fail(batches, round * 10_000));
  expect(outcomes).toEqual(['waits', 'waits', 'waits', 'is set aside']);
  expect(names(batches.next(50_000))).toBe('a2');
});
