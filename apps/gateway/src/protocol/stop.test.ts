import { expect, test } from 'vitest';
import { Stop } from './stop.js';

test('a stop tells its listeners and its signal once, whoever asks before or after it (S17)', () => {
  const stop = new Stop();
  const told: string[] = [];
  stop.whenStopped(() => told.push('before'));
  const { signal } = stop;
  stop.stop();
  stop.stop();
  stop.whenStopped(() => told.push('after'));
  expect([told, signal.aborted, stop.isStopped]).toEqual([['before', 'after'], true, true]);
  expect(stop.signal).toBe(signal);
});

test('a signal that is asked for after the stop is aborted, and a followed one stops it', () => {
  const late = new Stop();
  late.stop();
  expect(late.signal.aborted).toBe(true);
  const controller = new AbortController();
  const following = Stop.following(controller.signal);
  expect(following.isStopped).toBe(false);
  controller.abort();
  expect([following.isStopped, Stop.following(controller.signal).isStopped]).toEqual([true, true]);
});
