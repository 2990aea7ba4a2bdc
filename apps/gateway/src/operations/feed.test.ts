import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Feed } from './feed.js';

const change = (about: string, size: number) => ({
  method: 'notifications/tasks',
  about,
  params: { taskId: about },
  size,
});

/** Whether it is over by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.then(() => (settled = true));
  await turn();
  return settled;
}

test('whoever tells more than the client takes waits until it has taken some; each thing is told as it is last (S17)', async () => {
  const feed = new Feed();
  feed.push(change('a', 600_000));
  feed.push({ ...change('a', 700_000), params: { taskId: 'a', status: 'completed' } });
  expect(await isSettled(feed.room())).toBe(true);
  feed.push(change('b', 600_000));
  const room = feed.room();
  expect(await isSettled(room)).toBe(false);
  expect((await feed.take())?.params).toEqual({ taskId: 'a', status: 'completed' });
  expect(await isSettled(room)).toBe(true);
  expect(feed.drain().map(({ about }) => about)).toEqual(['b']);
});

test('the end lets everybody go, and a client that takes nothing at all is given up (S17)', async () => {
  const feed = new Feed();
  feed.push(change('a', 2_000_000));
  const room = feed.room();
  feed.end();
  expect(await isSettled(room)).toBe(true);
  const full = new Feed();
  for (let n = 0; n <= 1_000; n++) full.push(change(`${n}`, 0));
  expect(full.hasEnded).toBe(true);
});
