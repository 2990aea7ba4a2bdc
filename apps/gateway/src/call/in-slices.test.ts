import { expect, test } from 'vitest';
import { inSlices } from './in-slices.js';

/** Each piece of work takes a millisecond, each turn in between as long as the others need. @returns how long each slice was. */
async function slicesOf(pieces: number, othersMs: number): Promise<readonly number[]> {
  let time = 0;
  const slices = [0];
  await inSlices(
    Array.from({ length: pieces }),
    () => {
      time += 1;
      slices[slices.length - 1] = (slices.at(-1) ?? 0) + 1;
    },
    {
      now: () => time,
      nextTurn: (next) => {
        time += othersMs;
        slices.push(0);
        setImmediate(next);
      },
    },
  );
  return slices;
}

test('what is done for many leaves room in between for everything else, and comes to an end however much that is (S34)', async () => {
  expect(await slicesOf(3, 0)).toEqual([3]);
  expect(await slicesOf(10, 0)).toEqual([4, 4, 2]);
  expect(await slicesOf(24, 10)).toEqual([4, 10, 10]);
  expect(await slicesOf(40, 1_000)).toEqual([4, 16, 16, 4]);
});

test('between two slices timers and arrivals get their turn (S34)', async () => {
  let turns = 0;
  const counter = setInterval(() => (turns += 1), 1);
  await inSlices(Array.from({ length: 60 }), () => {
    const until = performance.now() + 1;
    while (performance.now() < until);
  });
  clearInterval(counter);
  expect(turns).toBeGreaterThan(5);
});
