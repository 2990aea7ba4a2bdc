import { expect, test } from 'vitest';
import { Reopening } from './reopening.js';

class Fake {
  readonly ready = Promise.withResolvers<unknown>();
  readonly closed = Promise.withResolvers<void>();
  closes = 0;
  waitUntilReady() {
    return this.ready.promise;
  }
  close() {
    this.closes += 1;
    return this.closed.promise;
  }
}

function reopening(options: { idle?: () => Promise<unknown> } = {}) {
  const made: Fake[] = [];
  const stood: Fake[] = [];
  const one = new Reopening(
    () => {
      const fake = new Fake();
      made.push(fake);
      return fake;
    },
    { onReady: (fake) => void stood.push(fake), ...options },
  );
  return { one, made, stood };
}

test('one that could not connect is closed, and another made; whoever asks in between is told why there is none', async () => {
  const { one, made, stood } = reopening();
  made[0]?.ready.reject(new Error('refused'));
  await expect(one.get()).rejects.toThrow('refused');
  await expect(one.get()).rejects.toThrow('refused');
  expect([made.length, made[0]?.closes]).toEqual([1, 1]);
  await expect.poll(() => made.length, { timeout: 10_000 }).toBe(2);
  made[1]?.ready.resolve(undefined);
  expect(await one.get()).toBe(made[1]);
  expect(stood).toEqual([made[1]]);
});

test.each(['before', 'after'])('closed %s its first connection failed, it makes no other', async (when) => {
  const { one, made } = reopening();
  made[0]?.closed.resolve();
  if (when === 'before') await one.close();
  made[0]?.ready.reject(new Error('refused'));
  await expect(one.get()).rejects.toThrow('refused');
  if (when === 'after') await one.close();
  await new Promise((resolve) => setTimeout(resolve, 1_300)); // longer than the pause before another
  expect(made).toHaveLength(1);
});

test('one that is ready after it was closed is not put to work', async () => {
  const { one, made, stood } = reopening();
  made[0]?.closed.resolve();
  await one.close();
  made[0]?.ready.resolve(undefined);
  await one.get();
  expect(stood).toEqual([]);
});

test('what runs is waited for when it is closed; BullMQ, after that, only for a moment', async () => {
  const running = Promise.withResolvers<void>();
  const { one } = reopening({ idle: () => running.promise });
  let isClosed = false;
  const closing = one.close().then(() => (isClosed = true));
  await new Promise((resolve) => setTimeout(resolve, 1_300));
  expect(isClosed).toBe(false);
  running.resolve();
  await closing; // although BullMQ's own close never ends
});
