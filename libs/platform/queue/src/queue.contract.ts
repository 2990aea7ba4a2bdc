import { deepEqual, equal, ok } from 'node:assert/strict';
import type { QueueBackend } from './queue-backend.js';

async function until(condition: () => boolean, timeoutMs = 10_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('timed out');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
const rest = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What every queue backend promises. Each case gets a queue name of its own. */
export const queueContract: readonly {
  readonly title: string;
  check(backend: QueueBackend, name: string): Promise<void>;
}[] = [
  {
    title: 'hands each job to one worker, with its data',
    async check(backend, name) {
      const seen: string[] = [];
      const queue = backend.queue<{ id: string }>(name);
      const workers = [1, 2].map(() =>
        backend.work<{ id: string }>(name, async ({ id }) => void seen.push(id), { concurrency: 2 }),
      );
      for (const id of ['a', 'b', 'c', 'd']) await queue.add(id, { id });
      await until(() => seen.length >= 4);
      await rest(200);
      deepEqual(seen.toSorted(), ['a', 'b', 'c', 'd']);
      for (const one of [...workers, queue]) await one.close();
    },
  },
  {
    title: 'ignores a job that waits or runs already, and takes it again once it is done',
    async check(backend, name) {
      let runs = 0;
      let release: () => void = () => undefined;
      const held = new Promise<void>((resolve) => (release = resolve));
      const queue = backend.queue<null>(name);
      await queue.add('same', null);
      await queue.add('same', null);
      const worker = backend.work<null>(
        name,
        async () => {
          runs++;
          await held;
        },
        { concurrency: 5 },
      );
      await until(() => runs === 1);
      await queue.add('same', null);
      await rest(300);
      equal(runs, 1);
      release();
      await until(() => runs === 1);
      await rest(300);
      await queue.add('same', null);
      await until(() => runs === 2);
      await worker.close();
      await queue.close();
    },
  },
  {
    title: 'drops a job whose handler fails, and goes on with the next',
    async check(backend, name) {
      const seen: string[] = [];
      const queue = backend.queue<string>(name);
      const worker = backend.work<string>(
        name,
        async (data) => {
          seen.push(data);
          if (data === 'bad') throw new Error('no');
        },
        { concurrency: 1 },
      );
      await queue.add('first', 'bad');
      await queue.add('second', 'good');
      await until(() => seen.includes('good'));
      await rest(300);
      deepEqual(seen, ['bad', 'good']);
      await worker.close();
      await queue.close();
    },
  },
  {
    title:
      'puts a job off when its handler asks for that, lets others go first, and takes no second one of its id meanwhile',
    async check(backend, name) {
      const seen: string[] = [];
      const queue = backend.queue<string>(name);
      const worker = backend.work<string>(
        name,
        async (data) => {
          seen.push(data);
          return data === 'slow' && seen.filter((one) => one === 'slow').length < 3 ? { againInMs: 300 } : undefined;
        },
        { concurrency: 1 },
      );
      await queue.add('first', 'slow');
      await until(() => seen.length === 1);
      await queue.add('first', 'slow');
      await queue.add('second', 'quick');
      await until(() => seen.filter((one) => one === 'slow').length === 3);
      await rest(500);
      deepEqual(seen, ['slow', 'quick', 'slow', 'slow']);
      await worker.close();
      await queue.close();
    },
  },
  {
    title: 'repeats once per interval, however many processes ask',
    async check(backend, name) {
      let ticks = 0;
      const queues = [backend.queue<null>(name), backend.queue<null>(name)];
      const workers = [1, 2].map(() => backend.work<null>(name, async () => void ticks++, { concurrency: 1 }));
      for (const queue of queues) await queue.repeat('tick', 500, null);
      await until(() => ticks >= 2);
      const before = ticks;
      await rest(2_000);
      ok(ticks - before >= 2 && ticks - before <= 6, `${ticks - before} ticks in two seconds`);
      for (const one of [...workers, ...queues]) await one.close();
    },
  },
  {
    title: 'goes on repeating when the clock is set back, as soon as somebody asks again',
    async check(backend, name) {
      const now = Date.now;
      let ticks = 0;
      const queue = backend.queue<null>(name);
      const worker = backend.work<null>(name, async () => void ticks++, { concurrency: 1 });
      try {
        Date.now = () => now() + 3_600_000;
        await queue.repeat('tick', 500, null);
        await until(() => ticks >= 2);
        Date.now = now;
        await rest(1_500);
        await queue.repeat('tick', 500, null);
        const before = ticks;
        await until(() => ticks - before >= 2, 5_000);
      } finally {
        Date.now = now;
        for (const one of [worker, queue]) await one.close();
      }
    },
  },
];
