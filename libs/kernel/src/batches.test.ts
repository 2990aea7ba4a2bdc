import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { backOffMs } from './back-off.js';
import { Batches } from './batches.js';

describe('batches', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const gathering = (everyMs: number, most = 100) => {
    const ran: number[][] = [];
    let finish: (() => void)[] = [];
    const batches = new Batches<number, string>({
      most,
      everyMs,
      run: async (items) => {
        ran.push([...items]);
        await new Promise<void>((resolve) => finish.push(resolve));
        return items.map((item) => `done ${item}`);
      },
    });
    const done = async () => {
      for (const one of finish.splice(0)) one();
      finish = [];
      await vi.advanceTimersByTimeAsync(0);
    };
    return { ran, batches, done };
  };

  test('however many ask at once, one runs, and what comes meanwhile is the next (S34)', async () => {
    const { ran, batches, done } = gathering(0);
    const results = Array.from({ length: 50 }, (_, index) => batches.add(index));
    await vi.advanceTimersByTimeAsync(0);
    results.push(batches.add(50), batches.add(51));
    await vi.advanceTimersByTimeAsync(0);
    expect(ran.map(({ length }) => length)).toEqual([50]);
    await done();
    expect(ran.map(({ length }) => length)).toEqual([50, 2]);
    await done();
    expect(await Promise.all(results)).toEqual(Array.from({ length: 52 }, (_, index) => `done ${index}`));
  });

  test('the first does not wait, the next begins no sooner than its time, and none is larger than it may be (S34)', async () => {
    const { ran, batches, done } = gathering(200, 2);
    for (let item = 0; item < 5; item++) void batches.add(item);
    await vi.advanceTimersByTimeAsync(0);
    expect(ran).toEqual([[0, 1]]);
    await done();
    await vi.advanceTimersByTimeAsync(199);
    expect(ran).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(ran).toEqual([
      [0, 1],
      [2, 3],
    ]);
  });

  test('what fails fails for its batch, and the next is done all the same', async () => {
    let failures = 1;
    const batches = new Batches<number, number>({
      most: 10,
      run: async (items) => {
        if (failures-- > 0) throw new Error('the database is away');
        return items;
      },
    });
    await expect(batches.add(1)).rejects.toThrow('away');
    expect(await batches.add(2)).toBe(2);
  });
});

test('attempts come ever later up to a limit, and chance spreads them over half of the time (S34)', () => {
  const at = (failures: number, random: number) => backOffMs(failures, { firstMs: 500, mostMs: 30_000, random });
  expect([1, 2, 3, 7, 60].map((failures) => at(failures, 0))).toEqual([500, 1_000, 2_000, 30_000, 30_000]);
  expect([0, 0.5, 1].map((random) => at(2, random))).toEqual([1_000, 750, 500]);
});
