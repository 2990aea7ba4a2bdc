import { expect, test } from 'vitest';
import { FairTurns } from './fair-turns.js';
import type { Urgency } from './fair-turns.js';

/** An event loop whose turns and time a test decides. */
function loop() {
  let time = 10_000;
  let next: (() => void) | undefined;
  let timer: { readonly at: number; readonly work: () => void } | undefined;
  const turns = new FairTurns({
    now: () => time,
    nextTurn: (work) => (next = work),
    after: (work, milliseconds) => (timer = { at: time + milliseconds, work }),
  });
  const begun: string[] = [];
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  const turn = async (): Promise<void> => {
    const work = next;
    next = undefined;
    work?.();
    await settled();
  };
  return {
    turns,
    begun,
    turn,
    ask(line: string, urgency?: Urgency): 'at once' | 'waits' {
      const turn = turns.take(line, urgency);
      void turn?.then(() => begun.push(line));
      return turn === undefined ? 'at once' : 'waits';
    },
    work: (milliseconds: number) => void (time += milliseconds),
    /** Nothing is asked for so long. */
    async idle(milliseconds: number): Promise<void> {
      time += milliseconds;
      if (timer === undefined || timer.at > time) return;
      const { work } = timer;
      timer = undefined;
      work();
      await turn();
    },
    isIdle: () => next === undefined && timer === undefined,
    isPausing: () => timer !== undefined,
  };
}

test('while turns of the event loop are short, every request begins at once and nothing is kept', async () => {
  const { ask, turn, isIdle, turns } = loop();
  expect([ask('alice'), ask('alice'), ask('bob'), ask('carol', 'patient')]).toEqual([
    'at once',
    'at once',
    'at once',
    'at once',
  ]);
  await turn();
  expect([isIdle(), turns.waiting]).toEqual([true, 0]);
});

test('behind a burst of one user, another user begins with the next turn, not after the burst (S34)', async () => {
  const { ask, work, turn, begun } = loop();
  ask('abuser');
  work(5);
  expect(Array.from({ length: 100 }, () => ask('abuser')).every((how) => how === 'waits')).toBe(true);
  expect(ask('bob')).toBe('waits');
  await turn();
  expect(begun).toEqual(['bob', 'abuser']); // one of a crowd in a turn, while somebody else is there
});

test('a single request overtakes a crowd that waits, while the turn is young', async () => {
  const { ask, work, turn, begun } = loop();
  ask('abuser');
  work(5);
  for (let i = 0; i < 10; i++) ask('abuser');
  await turn();
  expect(begun).toHaveLength(4);
  expect([ask('bob'), ask('abuser'), ask('carol', 'patient')]).toEqual(['at once', 'waits', 'waits']);
});

test('what takes long begins one by one: others are served in between (S34)', async () => {
  const { ask, work, turn, begun } = loop();
  ask('a');
  work(40);
  for (const user of ['a', 'a', 'a', 'b', 'c', 'd']) ask(user);
  await turn();
  expect(begun).toEqual(['b']);
  work(40);
  await turn();
  expect(begun).toEqual(['b', 'c']);
  work(5);
  await turn();
  expect(begun).toEqual(['b', 'c', 'd', 'a']);
});

test('whoever waits takes turns, in the order they came, and nobody is left out or begins twice', async () => {
  const { ask, work, turn, begun, turns, isIdle } = loop();
  ask('z', 'patient');
  work(5);
  for (const user of ['a', 'b', 'c', 'd', 'e']) ask(user, 'patient');
  ask('a', 'patient');
  await turn();
  expect(begun).toEqual(['a', 'b', 'c', 'd']);
  // Whoever comes now waits behind them.
  expect(ask('f', 'patient')).toBe('waits');
  await turn();
  expect(begun.slice(4)).toEqual(['e', 'a', 'f']);
  await turn();
  expect([turns.waiting, isIdle()]).toEqual([0, true]);
});

test('single requests go before what is patient, which has its fourth all the same (S34)', async () => {
  const { ask, work, turn, begun, idle } = loop();
  ask('z');
  work(5);
  for (const user of ['d', 'e', 'f', 'g']) ask(user, 'patient');
  for (const user of ['1', '2', '3', '4', '5', '6', '7', '8']) ask(user);
  await turn();
  expect(begun).toEqual(['1', '2', '3', 'd']);
  work(4);
  await turn();
  expect(begun.slice(4)).toEqual(['4', '5', '6', '7']); // the crowd leaves as much free as it took
  await idle(4);
  await turn();
  expect(begun.slice(8)).toEqual(['e', '8']);
});

test("strangers wait behind everybody who is known, in however many lines they come, and have a fourth of a crowd's turns all the same (S32)", async () => {
  const { ask, work, turn, begun, idle } = loop();
  ask('z');
  await turn();
  await idle(1_001); // z is no longer there
  ask('z', 'patient');
  work(5);
  for (let i = 0; i < 100; i++) ask(`192.0.2.${i}`, 'unknown');
  for (const user of ['bob', 'bob', 'carol', 'carol', 'carol']) ask(user);
  for (let i = 0; i < 8; i++) await turn();
  expect(begun).toEqual(['bob', 'carol', 'bob', '192.0.2.0', 'carol', 'carol', '192.0.2.1', '192.0.2.2']);
  // A known user's list overtakes strangers that wait, while the turn is young; another stranger does not.
  expect([ask('dave', 'patient'), ask('198.51.100.1', 'unknown')]).toEqual(['at once', 'waits']);
});

test('while somebody else is there, a crowd leaves as much time free as it has used, and singles begin at once meanwhile (S34)', async () => {
  const { ask, work, turn, begun, idle, isPausing } = loop();
  ask('bob');
  await turn();
  ask('abuser');
  work(5);
  for (let i = 0; i < 9; i++) ask('abuser');
  await turn();
  expect(begun).toHaveLength(1);
  work(20);
  await turn();
  expect(isPausing()).toBe(true);
  expect(begun).toHaveLength(1);
  expect(ask('bob')).toBe('at once');
  await turn();
  await idle(19);
  expect(begun).toHaveLength(1);
  await idle(1);
  expect(begun).toHaveLength(2);
});

test('a crowd alone takes all the time there is', async () => {
  const { ask, work, turn, begun, isPausing, idle } = loop();
  ask('bob');
  await turn();
  await idle(1_001); // bob is no longer there
  ask('abuser');
  work(5);
  for (let i = 0; i < 9; i++) ask('abuser');
  await turn();
  work(20);
  await turn();
  expect(begun).toHaveLength(8);
  expect(isPausing()).toBe(false);
});

test('no pause is longer than a tenth of a second', async () => {
  const { ask, work, turn, begun, idle } = loop();
  ask('bob');
  await turn();
  ask('abuser');
  work(5);
  for (let i = 0; i < 9; i++) ask('abuser');
  await turn();
  work(500);
  await turn();
  expect(begun).toHaveLength(1);
  await idle(100);
  expect(begun).toHaveLength(2);
});
