import { expect, test, vi } from 'vitest';
import { runChecks } from './run-checks.js';
import { failed, passed, skipped, warned, type Check } from './step.js';

const options = { perCheckMs: 50, totalMs: 10_000, atOnce: 2, onFailed: () => undefined };
const check = (subject: string, run: Check['run']): Check => ({ step: 'server', subject, run });

test('what failed comes first, and only what did not pass has a cause and a fix', async () => {
  const steps = await runChecks(
    [
      check('a', async () => passed('fine')),
      check('b', async () => skipped('depends_on_another', 'See a.')),
      check('c', async () => [warned('answers_slowly', '3 s'), failed('dns_failed', 'ENOTFOUND')]),
    ],
    options,
  );
  expect(steps.map(({ subject, status, cause, fix }) => [subject, status, cause, fix !== null])).toEqual([
    ['c', 'failed', 'dns_failed', true],
    ['c', 'warned', 'answers_slowly', true],
    ['b', 'skipped', 'depends_on_another', true],
    ['a', 'passed', null, false],
  ]);
});

test('a check that does not end is given up, and the others go on', async () => {
  const steps = await runChecks(
    [check('hangs', () => new Promise(() => undefined)), check('well', async () => passed('fine'))],
    options,
  );
  expect(steps.map(({ subject, cause }) => [subject, cause])).toEqual([
    ['hangs', 'timed_out'],
    ['well', null],
  ]);
});

test('what there is no time for is left out, and said', async () => {
  const hangs = () => new Promise<never>(() => undefined);
  const steps = await runChecks([check('a', hangs), check('b', hangs)], { ...options, totalMs: 50, atOnce: 1 });
  expect(steps.map(({ cause }) => cause)).toEqual(['timed_out', 'out_of_time']);
});

test('a check that throws is told to the log, and says nothing of what it threw (S30)', async () => {
  const onFailed = vi.fn();
  const error = new Error('postgres://user:hunter2@db');
  const [step] = await runChecks([check('a', () => Promise.reject(error))], { ...options, onFailed });
  expect(step).toMatchObject({ status: 'failed', cause: 'check_failed' });
  expect(JSON.stringify(step)).not.toContain('hunter2');
  expect(onFailed).toHaveBeenCalledWith(expect.objectContaining({ subject: 'a' }), error);
});
