import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { findProcess, isStill, readPsLine } from './find-process.js';

test('a process is found with its user, its start and its arguments, and is gone when it ended', async () => {
  const before = Date.now();
  const child = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1000)', 'marked'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const lookup = findProcess(child.pid ?? 0);
  if (lookup.state !== 'found') throw new Error(lookup.state);
  const { uid, startedAtMs, command } = lookup.process;
  expect({ uid, marked: command.endsWith(' marked') }).toEqual({ uid: process.getuid?.(), marked: true });
  expect(startedAtMs).toBeGreaterThan(before - 2_000);
  expect(startedAtMs).toBeLessThan(Date.now() + 2_000);
  expect(isStill(lookup.process)).toBe(true);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(findProcess(child.pid ?? 0)).toEqual({ state: 'gone' });
  expect(isStill(lookup.process)).toBe(false);
});

test('a number is another process when that one began at another time', () => {
  const lookup = findProcess(process.pid);
  if (lookup.state !== 'found') throw new Error(lookup.state);
  expect(isStill({ ...lookup.process, startedAtMs: lookup.process.startedAtMs - 1_000 })).toBe(false);
});

test.each([0, -1, Number.NaN, 1.5])("%s is nobody's number", (pid) => {
  expect(findProcess(pid)).toEqual({ state: 'gone' });
});

test('what ps says where there is no /proc is read alike', () => {
  const line = '  501 Ss   Sun Nov  9 22:57:21 2026     /Users/a b/bin/postgres -D /Users/a b/data -p 7432\n';
  expect(readPsLine(7, line)).toEqual({
    state: 'found',
    process: {
      pid: 7,
      uid: 501,
      startedAtMs: new Date(2026, 10, 9, 22, 57, 21).getTime(),
      command: '/Users/a b/bin/postgres -D /Users/a b/data -p 7432',
    },
  });
  expect(readPsLine(7, '  501 Z    Sun Nov  9 22:57:21 2026     (postgres)\n')).toEqual({ state: 'gone' });
  expect(readPsLine(7, 'nothing of the kind')).toBeUndefined();
});
