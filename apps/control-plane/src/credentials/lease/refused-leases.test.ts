import type { LifecycleRecord } from '@sallyport/messages';
import { expect, test } from 'vitest';
import { RefusedLeases } from './refused-leases.js';

const MINUTE_MS = 60_000;
function world() {
  const state = { now: 0, isAway: false };
  const recorded: Omit<LifecycleRecord, 'v' | 'id' | 'replica' | 'at'>[] = [];
  const record = (facts: (typeof recorded)[number]) =>
    state.isAway ? Promise.reject(new Error('away')) : Promise.resolve(void recorded.push(facts));
  const leases = new RefusedLeases({ record, clock: () => state.now });
  const told = () => recorded.map(({ type, userId, reason, detail }) => [type, userId ?? detail?.['count'], reason]);
  return { state, leases, told };
}
const refused = (userId: string, reason = 'secret_missing') => ({ userId, clientId: 'agent', server: 'notes', reason });

test("the first of each user and reason in a minute is told by itself, the rest is summed up: a flood hides nobody else's (S33)", async () => {
  const { state, leases, told } = world();
  for (let i = 0; i < 1_000; i++) await leases.note(refused('usr_alice'));
  await leases.note(refused('usr_bob'));
  await leases.note(refused('usr_alice', 'target_origin'));
  const first = [
    ['lease.refused', 'usr_alice', 'secret_missing'],
    ['lease.refused', 'usr_bob', 'secret_missing'],
    ['lease.refused', 'usr_alice', 'target_origin'],
  ];
  expect(told()).toEqual(first);
  await leases.sumUp();
  expect(told()).toEqual(first);
  state.now = MINUTE_MS;
  await leases.sumUp();
  await leases.note(refused('usr_alice'));
  expect(told().slice(3)).toEqual([
    ['events.summed', 999, 'secret_missing'],
    ['lease.refused', 'usr_alice', 'secret_missing'],
  ]);
});

test('what the trail does not take is not lost: the next is told by itself, a sum goes on being counted', async () => {
  const { state, leases, told } = world();
  state.isAway = true;
  await expect(leases.note(refused('usr_alice'))).rejects.toThrow('away');
  state.isAway = false;
  await leases.note(refused('usr_alice'));
  await leases.note(refused('usr_alice'));
  state.isAway = true;
  await leases.sumUp('all');
  state.isAway = false;
  await leases.note(refused('usr_alice'));
  await leases.sumUp('all');
  expect(told()).toEqual([
    ['lease.refused', 'usr_alice', 'secret_missing'],
    ['events.summed', 2, 'secret_missing'],
  ]);
});
