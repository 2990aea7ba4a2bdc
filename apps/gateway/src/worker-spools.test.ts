import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { EventSpool, takeOverSegments } from '@sallyport/event-spool';
import { makeScratch, removeScratch } from '@sallyport/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { leftSpoolDirectories, spoolDirectoryOf } from './worker-spools.js';

let root: string;
beforeEach(() => {
  root = makeScratch('worker-spools');
});
afterEach(() => removeScratch(root));

const worker = (number: number) => join(root, `worker-${number}`);

test('each of several workers has a spool of its own, and a process alone the directory itself', () => {
  expect([undefined, { number: 1, of: 2 }, { number: 2, of: 2 }].map((one) => spoolDirectoryOf(root, one))).toEqual([
    root,
    worker(1),
    worker(2),
  ]);
});

test('what another number of workers left is taken over by one process, and by no second one', () => {
  for (const number of [1, 2, 3, 10]) mkdirSync(worker(number));
  const left = (one?: { number: number; of: number }) => leftSpoolDirectories(root, one).toSorted();
  expect(left()).toEqual([1, 10, 2, 3].map(worker));
  expect(left({ number: 1, of: 2 })).toEqual([root, worker(10), worker(3)]);
  expect(left({ number: 2, of: 2 })).toEqual([]);
  expect(leftSpoolDirectories(join(root, 'not-there'), undefined)).toEqual([]);
});

test('a spool has the records of one that it took over, also when both wrote in the same millisecond', async () => {
  const open = (directory: string) => new EventSpool({ directory, clock: () => 1_800_000_000_000 });
  for (const [directory, id] of [
    [root, 'a'],
    [worker(3), 'b'],
    [worker(1), 'c'],
  ] as const) {
    const spool = open(directory);
    await spool.append({ id });
    spool.close();
  }
  for (const directory of leftSpoolDirectories(root, { number: 1, of: 2 }))
    expect(takeOverSegments(directory, worker(1))).toBe(1);
  const spool = open(worker(1));
  expect(spool.segments().filter(({ open: isOpen }) => !isOpen)).toHaveLength(3);
  expect(
    [root, worker(3)].flatMap((directory) => readdirSync(directory)).filter((name) => name.endsWith('.ndjson')),
  ).toEqual([]);
  spool.close();
});
