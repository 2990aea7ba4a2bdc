import type { Delivered, SinkRecord } from '@sallyport/log-sinks';
import { describe, expect, test } from 'vitest';
import { stepAfter, type Progress } from './next-step.js';

const batch = (count: number): SinkRecord[] =>
  Array.from({ length: count }, (_, n) => ({ id: `evt_${n}`, at: n, type: 'x', severity: 'info', body: '{}' }));
const fresh: Progress = { failures: 0, size: 100 };
const step = (delivered: Delivered, count = 8, progress = fresh) =>
  stepAfter(delivered, batch(count), progress, { limit: 100, random: 0 });
const away = { type: 'unavailable', taken: 0, reason: 'http_503', said: '' } as const;
const refused = { type: 'refused', taken: 0, isTooLarge: false, reason: 'http_400', said: '' } as const;

describe('after a receiver', () => {
  test('took a batch, the next is as large as before, or grows back slowly', () => {
    expect(step({ type: 'taken', said: '' })).toEqual({ taken: 8, waitMs: 0, progress: { failures: 0, size: 100 } });
    expect(step({ type: 'taken', said: '' }, 8, { failures: 3, size: 8 }).progress).toEqual({ failures: 0, size: 10 });
    expect(step({ type: 'taken', said: '' }, 1, { failures: 0, size: 1 }).progress.size).toBe(2);
  });
  test('was away, it is left alone for longer each time, a minute at most, and nothing is given up', () => {
    const waits: number[] = [];
    let progress = fresh;
    for (let round = 0; round < 9; round++) {
      const next = step(away, 8, progress);
      expect([next.taken, next.givenUpAfter]).toEqual([0, undefined]);
      waits.push(next.waitMs);
      ({ progress } = next);
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });
  test('asked for a pause, it gets it, an hour at most', () => {
    expect(step({ ...away, retryAfterMs: 300_000 }).waitMs).toBe(300_000);
    expect(step({ ...away, retryAfterMs: 1 }).waitMs).toBe(1_000);
    expect(step({ ...away, retryAfterMs: 90_000_000 }).waitMs).toBe(3_600_000);
  });
  test('took some and went away, these count, and it begins anew with waiting', () => {
    expect(step({ ...away, taken: 3 }, 8, { failures: 7, size: 100 })).toMatchObject({
      taken: 3,
      waitMs: 1_000,
      progress: { failures: 1 },
    });
  });
  test('refused several for their size or for one of them, fewer go at once', () => {
    for (const isTooLarge of [true, false])
      expect(step({ ...refused, isTooLarge })).toMatchObject({ taken: 0, waitMs: 0, progress: { size: 4 } });
    expect(step({ ...refused, at: 5 })).toMatchObject({ waitMs: 0, progress: { size: 5 } });
  });
  test('refused one five times, that one is given up, and it is tried alone meanwhile', () => {
    let progress = fresh;
    for (let tries = 1; tries < 5; tries++) {
      const next = step({ ...refused, at: 0 }, 8, progress);
      expect(next).toMatchObject({ waitMs: 1_000 * 2 ** (tries - 1), progress: { size: 1, suspect: { tries } } });
      ({ progress } = next);
    }
    const last = step({ ...refused, at: 0 }, 8, progress);
    expect(last).toMatchObject({ taken: 0, givenUpAfter: 5, waitMs: 0 });
    expect(last.progress.suspect).toBeUndefined();
  });
  test('refused one for its size, it is given up at once; one behind it begins anew', () => {
    expect(step({ ...refused, isTooLarge: true }, 1)).toMatchObject({ givenUpAfter: 1, waitMs: 0 });
    const suspect = { id: 'evt_0', tries: 4 };
    expect(step({ ...refused, taken: 2, at: 2 }, 8, { ...fresh, suspect }).progress.suspect).toEqual({
      id: 'evt_2',
      tries: 1,
    });
  });
});
