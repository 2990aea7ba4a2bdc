import { expect, test } from 'vitest';
import { FairTurns } from './fair-turns.js';

/** An event loop whose turns and time a test decides. */
function loop() {
  let time = 0;
  let next: (() => void) | undefined;
  const turns = new FairTurns({ now: () => time, nextTurn: (work) => (next = work) });
  const begun: string[] = [];
  return {
    turns,
    begun,
    ask(user: string): 'at once' | 'waits' {
      const turn = turns.take(user);
      void turn?.then(() => begun.push(user));
      return turn === undefined ? 'at once' : 'waits';
    },
    work: (milliseconds: number) => void (time += milliseconds),
    async turn(): Promise<void> {
      const work = next;
      next = undefined;
      work?.();
      await Promise.resolve();
    },
    isIdle: () => next === undefined,
  };
}

test('while turns of the event loop are short, every request begins at once and nothing is kept', async () => {
  const { ask, turn, isIdle, turns } = loop();
  expect([ask('alice'), ask('alice'), ask('bob')]).toEqual(['at once', 'at once', 'at once']);
  await turn();
  expect([isIdle(), turns.waiting]).toEqual([true, 0]);
});

test('behind a burst of one user, another user begins with the next turn, not after the burst (S32, S34)', async () => {
  const { ask, work, turn, begun } = loop();
  ask('abuser');
  work(5);
  expect(Array.from({ length: 100 }, () => ask('abuser')).every((how) => how === 'waits')).toBe(true);
  expect(ask('bob')).toBe('waits');
  await turn();
  expect(begun).toEqual(['abuser', 'bob', 'abuser', 'abuser']);
});

test('what takes long begins one by one: others are served in between (S34)', async () => {
  const { ask, work, turn, begun } = loop();
  ask('a');
  work(40);
  for (const user of ['a', 'a', 'a', 'b', 'c', 'd']) ask(user);
  await turn();
  expect(begun).toEqual(['a']);
  work(40);
  await turn();
  expect(begun).toEqual(['a', 'b']);
  work(5);
  await turn();
  expect(begun).toEqual(['a', 'b', 'c', 'd', 'a', 'a']);
});

test('users take turns, in the order they came, and nobody is left out or begins twice', async () => {
  const { ask, work, turn, begun, turns, isIdle } = loop();
  ask('a');
  work(5);
  for (const user of ['a', 'a', 'b', 'c', 'd', 'e', 'a', 'b']) ask(user);
  await turn();
  expect(begun).toEqual(['a', 'b', 'c', 'd']);
  // Whoever comes now waits behind them: nobody overtakes.
  expect(ask('f')).toBe('waits');
  await turn();
  expect(begun.slice(4)).toEqual(['e', 'a', 'b', 'f']);
  await turn();
  expect(begun.slice(8)).toEqual(['a']);
  await turn();
  expect([turns.waiting, isIdle()]).toEqual([0, true]);
});
