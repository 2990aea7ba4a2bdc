import { ProofMemory } from '@sallyport/access-token';
import type { ProofsSeen } from '@sallyport/messages';
import { eventually } from '@sallyport/testing';
import { afterEach, expect, test } from 'vitest';
import { ProofGossip } from './proof-gossip.js';

const start = 1_800_000_000;
/** Each of a user of its own. */
const id = (number: number) => String(number).padEnd(22, 'A');
const stops: (() => void)[] = [];
afterEach(() => stops.splice(0).forEach((stop) => stop()));

function world({ limit = 10_000 }: { limit?: number } = {}) {
  const state = { now: start * 1000, away: false, told: [] as ProofsSeen[], problems: 0 };
  const clock = () => state.now;
  const memory = new ProofMemory({ clock, limit });
  const gossip = new ProofGossip({
    memory, clock, onProblem: () => (state.problems += 1),
    publish: (seen) => (state.away ? Promise.reject(new Error('away')) : Promise.resolve(void state.told.push(seen))),
  });
  stops.push(() => gossip.stop());
  let hear: (payload: unknown) => void = () => undefined;
  const listen = () => gossip.listen((listener) => {
    hear = listener;
    return Promise.resolve(() => Promise.resolve());
  });
  return { state, memory, gossip, listen, hear: (payload: unknown) => hear(payload) };
}

test('before it listens no proof is recent enough; from then on those made since are (S7)', async () => {
  const { gossip, listen } = world();
  expect(gossip.since).toBe(Infinity);
  await listen();
  expect(gossip.since).toBe(start);
});

test('used proofs are told together, each once (S7)', async () => {
  const { gossip, state } = world();
  for (let i = 0; i < 2_500; i++) expect(gossip.claim(id(i), start + 60)).toBe('new');
  expect(gossip.claim(id(0), start + 60)).toBe('seen');
  expect(state.told).toEqual([]); // nobody waited for it
  await eventually(() => state.told.flatMap(({ seen }) => seen).length === 2_500);
  expect(state.told.map(({ seen }) => seen.length)).toEqual([2_000, 500]);
});

test('what another replica tells is used here too, and not told on (S7)', async () => {
  const { gossip, listen, hear, state } = world();
  await listen();
  hear({ v: 1, seen: [[id(1), start + 60]] });
  expect([gossip.claim(id(1), start + 60), gossip.claim(id(2), start + 60)]).toEqual(['seen', 'new']);
  await eventually(() => state.told.length > 0);
  expect(state.told).toEqual([{ v: 1, seen: [[id(2), start + 60]] }]);
});

test('what could not be told is told later, unless it is too old by then (S7)', async () => {
  const { gossip, state } = world();
  state.away = true;
  gossip.claim(id(1), start + 10);
  gossip.claim(id(2), start + 60);
  await eventually(() => state.problems > 0);
  state.now += 30_000;
  state.away = false;
  await eventually(() => state.told.length > 0, { timeoutMs: 10_000 });
  expect(state.told).toEqual([{ v: 1, seen: [[id(2), start + 60]] }]);
});

test.each<[string, unknown]>([
  ['no message', null], ['another version', { v: 2, seen: [[id(1), start + 60]] }], ['an id that is none', { v: 1, seen: [['x', start + 60]] }],
  ['one that lasts too long', { v: 1, seen: [[id(1), start + 181]] }], ['one that is over', { v: 1, seen: [[id(1), start - 1]] }],
  ['more than a batch', { v: 1, seen: Array.from({ length: 2_001 }, (_, i) => [id(i), start + 60]) }],
])('%s takes no room (S26)', async (_what, payload) => {
  const { listen, hear, memory } = world();
  await listen();
  hear(payload);
  expect(memory.size).toBe(0);
});

test('when there is no room a proof is not taken, whoever filled it (S7)', async () => {
  const { gossip, listen, hear } = world({ limit: 2 });
  await listen();
  hear({ v: 1, seen: [[id(1), start + 60], [id(2), start + 60], [id(3), start + 60]] });
  expect([gossip.claim(id(4), start + 60), gossip.claim(id(1), start + 60)]).toEqual(['full', 'seen']);
});

test('what others accepted of a user counts for their share here, and is remembered beyond it (S7, S32)', async () => {
  const { gossip, listen, hear, memory } = world({ limit: 10 });
  const of = (user: string, number: number) => `${user.padEnd(12, '-')}${String(number).padStart(10, '0')}`;
  await listen();
  hear({ v: 1, seen: Array.from({ length: 6 }, (_, index) => [of('greedy', index), start + 60]) });
  expect(memory.size).toBe(6);
  expect([gossip.claim(of('greedy', 7), start + 60), gossip.claim(of('greedy', 5), start + 60), gossip.claim(of('other', 1), start + 60)]).toEqual(['own', 'seen', 'new']);
});
