import { ProofMemory } from '@sallyport/access-token';
import { ReplicaRequest } from '@sallyport/messages';
import type { SeenProof } from '@sallyport/messages';
import { eventually } from '@sallyport/testing';
import { afterEach, expect, test } from 'vitest';
import { ProofGossip } from './proof-gossip.js';

const start = 1_800_000_000;
/** Each of a user of its own. */
const id = (number: number) => String(number).padEnd(22, 'A');
const stops: (() => void)[] = [];
afterEach(() => stops.splice(0).forEach((stop) => stop()));

function world({ limit = 10_000 }: { limit?: number } = {}) {
  const state = { now: start * 1000, away: false, told: [] as SeenProof[][], problems: 0 };
  const clock = () => state.now;
  const memory = new ProofMemory({ clock, limit });
  const gossip = new ProofGossip({
    memory,
    clock,
    onProblem: () => (state.problems += 1),
    publish: (seen) => (state.away ? Promise.reject(new Error('away')) : Promise.resolve(void state.told.push(seen))),
  });
  stops.push(() => gossip.stop());
  return { state, memory, gossip };
}

test('before it listens no proof is recent enough; from then on those made since are (S7)', () => {
  const { gossip } = world();
  expect(gossip.since).toBe(Infinity);
  gossip.listening();
  expect(gossip.since).toBe(start);
});

test('used proofs are told together, each once (S7)', async () => {
  const { gossip, state } = world();
  for (let i = 0; i < 2_500; i++) expect(gossip.claim(id(i), start + 60)).toBe('new');
  expect(gossip.claim(id(0), start + 60)).toBe('seen');
  expect(state.told).toEqual([]); // nobody waited for it
  await eventually(() => state.told.flat().length === 2_500);
  expect(state.told.map(({ length }) => length)).toEqual([2_000, 500]);
});

test('what another replica tells is used here too, and not told on (S7)', async () => {
  const { gossip, state } = world();
  gossip.heard([[id(1), start + 60]]);
  expect([gossip.claim(id(1), start + 60), gossip.claim(id(2), start + 60)]).toEqual(['seen', 'new']);
  await eventually(() => state.told.length > 0);
  expect(state.told).toEqual([[[id(2), start + 60]]]);
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
  expect(state.told).toEqual([[[id(2), start + 60]]]);
});

test.each([
  ['one that lasts too long', start + 181],
  ['one that is over', start - 1],
])('%s takes no room (S26)', (_what, until) => {
  const { gossip, memory } = world();
  gossip.heard([[id(1), until]]);
  expect(memory.size).toBe(0);
});

test.each<[string, unknown]>([
  ['an id that is none', [['x', start + 60]]],
  ['more than a batch', Array.from({ length: 2_001 }, (_, i) => [id(i), start + 60])],
])('%s is no message between gateways (S26)', (_what, seen) => {
  expect(ReplicaRequest.safeParse({ type: 'proofs-seen', seen: [[id(1), start + 60]] }).success).toBe(true);
  expect(ReplicaRequest.safeParse({ type: 'proofs-seen', seen }).success).toBe(false);
});

test('when there is no room a proof is not taken, whoever filled it (S7)', () => {
  const { gossip } = world({ limit: 2 });
  gossip.heard([
    [id(1), start + 60],
    [id(2), start + 60],
    [id(3), start + 60],
  ]);
  expect([gossip.claim(id(4), start + 60), gossip.claim(id(1), start + 60)]).toEqual(['full', 'seen']);
});

test('what others accepted of a user counts for their share here, and is remembered beyond it (S7, S32)', () => {
  const { gossip, memory } = world({ limit: 10 });
  const of = (user: string, number: number) => `${user.padEnd(12, '-')}${String(number).padStart(10, '0')}`;
  gossip.heard(Array.from({ length: 6 }, (_, index): SeenProof => [of('greedy', index), start + 60]));
  expect(memory.size).toBe(6);
  expect([
    gossip.claim(of('greedy', 7), start + 60),
    gossip.claim(of('greedy', 5), start + 60),
    gossip.claim(of('other', 1), start + 60),
  ]).toEqual(['own', 'seen', 'new']);
});
