import { expect, test } from 'vitest';
import { readUsage } from './process-usage.js';

test('the usage of this process grows with what it does, and is about what Node says itself', () => {
  const before = readUsage(process.pid);
  const own = process.cpuUsage();
  while (process.cpuUsage(own).user + process.cpuUsage(own).system < 200_000) Math.sqrt(2);
  const grown = readUsage(process.pid).cpuMicroseconds - before.cpuMicroseconds;
  const said = process.cpuUsage(own).user + process.cpuUsage(own).system;
  expect(grown).toBeGreaterThanOrEqual(150_000);
  expect(grown).toBeLessThanOrEqual(said + 50_000);
  expect(before.rssMebibytes).toBeGreaterThan(10);
});

test('a process that has ended used nothing', () => {
  expect(readUsage(2 ** 30)).toEqual({ cpuMicroseconds: 0, rssMebibytes: 0 });
});
