import { expect, test } from 'vitest';
import { SingleFlight } from './single-flight.js';

function counted() {
  const flights = new SingleFlight<string, number>();
  const pending: { resolve: (value: number) => void; reject: (reason: unknown) => void }[] = [];
  const work = () => new Promise<number>((resolve, reject) => pending.push({ resolve, reject }));
  return { flights, pending, run: (key: string) => flights.run(key, work) };
}

test('who asks for the same at the same time is answered by one piece of work, and others by their own (S34)', async () => {
  const { run, pending, flights } = counted();
  const answers = [run('a'), run('a'), run('b')];
  expect(flights.running('a')).toBe(answers[0]);
  expect(pending.length).toBe(2);
  pending[0]?.resolve(1);
  pending[1]?.resolve(2);
  expect(await Promise.all(answers)).toEqual([1, 1, 2]);
  expect(flights.running('a')).toBeUndefined();
});

test('a failure goes to all who wait, is not remembered, and the next who asks begins anew', async () => {
  const { run, pending } = counted();
  const answers = [run('a'), run('a')];
  pending[0]?.reject(new Error('away'));
  expect(await Promise.allSettled(answers)).toEqual([
    expect.objectContaining({ status: 'rejected' }),
    expect.objectContaining({ status: 'rejected' }),
  ]);
  const again = run('a');
  pending[1]?.resolve(3);
  expect(await again).toBe(3);
});

test('one who asks as the work ends begins anew: nobody gets an answer from before the question', async () => {
  const { run, pending } = counted();
  const first = run('a').then(() => run('a'));
  pending[0]?.resolve(1);
  await Promise.resolve().then(() => undefined);
  await new Promise((resolve) => setImmediate(resolve));
  expect(pending.length).toBe(2);
  pending[1]?.resolve(2);
  expect(await first).toBe(2);
});

test('who stops waiting ends nothing: the others are answered', async () => {
  const { run, pending } = counted();
  const left = Promise.race([run('a'), Promise.reject(new Error('the client is gone'))]);
  const stays = run('a');
  await expect(left).rejects.toThrow('the client is gone');
  pending[0]?.resolve(1);
  expect([await stays, pending.length]).toEqual([1, 1]);
});

test('work that throws at once rejects, and leaves nothing behind', async () => {
  const flights = new SingleFlight<string, number>();
  const broken = flights.run('a', () => {
    throw new TypeError('not a URL');
  });
  await expect(broken).rejects.toThrow('not a URL');
  expect(flights.running('a')).toBeUndefined();
});
