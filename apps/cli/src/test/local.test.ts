import { expect, test } from 'vitest';
import { fakeWorld, runIn } from './fake-world.js';

/** Programs that note how they were called, and end as said. */
function packedPrograms(exitCode = 0) {
  const calls: (readonly string[])[] = [];
  return {
    calls,
    local: {
      async start() {
        calls.push(['start']);
        return exitCode;
      },
      async demo(args: readonly string[]) {
        calls.push(['demo', ...args]);
        return exitCode;
      },
    },
  };
}

test('the package starts the system, and leaves Ctrl-C to it (B15)', async () => {
  const { calls, local } = packedPrograms();
  expect(await runIn(fakeWorld({ local }), 'start')).toMatchObject({ exitCode: 0, stderr: '(handed over)' });
  expect(calls).toEqual([['start']]);
});

test('the demonstration gets its own options as they were typed', async () => {
  const { calls, local } = packedPrograms();
  await runIn(fakeWorld({ local }), 'demo', '--gateway', 'http://127.0.0.1:1', '--help');
  expect(calls).toEqual([['demo', '--gateway', 'http://127.0.0.1:1', '--help']]);
});

test('what fails in them fails the command', async () => {
  const { local } = packedPrograms(1);
  expect((await runIn(fakeWorld({ local }), 'demo')).exitCode).toBe(1);
  expect((await runIn(fakeWorld({ local }), 'start')).exitCode).toBe(1);
});

test('the command line alone offers neither', async () => {
  const { exitCode, stderr } = await runIn(fakeWorld(), 'start');
  expect(exitCode).toBe(3);
  expect(stderr).toContain("unknown command 'start'");
});
