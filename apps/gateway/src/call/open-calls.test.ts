import { createSnapshot, documentMap, RevocationIndex } from '@sallyport/configuration';
import { newId } from '@sallyport/kernel';
import type { Caller } from '@sallyport/policy';
import { expect, test } from 'vitest';
import { OpenCalls } from './open-calls.js';
import type { EndReason } from '../protocol/refusal.js';
import type { PermitWatch } from './open-calls.js';

const now = 1_800_000_000_000;
const snapshot = createSnapshot({
  epoch: 'e',
  revision: 1,
  documents: documentMap([]),
  revocations: new RevocationIndex(() => now),
});
const caller: Caller = {
  userId: newId('usr'),
  sid: newId('ses'),
  trustProvider: 'demo',
  subject: 'alice',
  clientId: 'agent',
  agentName: 'Agent',
  agentAssurance: 'asserted',
  isKeyBound: false,
  scopes: new Set(),
  roles: [],
  groups: [],
  authTime: 0,
  issuedAt: 0,
  expiresAt: now / 1000 + 600,
  acr: undefined,
  amr: [],
};

function openCalls(count: number, watch: (index: number) => Partial<PermitWatch>) {
  const revoked = new Set<string>();
  const ended: [index: number, reason: EndReason][] = [];
  const calls = new OpenCalls(
    { endOf: ({ kid }) => (revoked.has(kid) ? 'revoked' : undefined) },
    { has: () => false },
    () => now,
  );
  for (let index = 0; index < count; index++)
    calls.add({
      verified: { caller, kid: `k${index}` },
      endsWithToken: false,
      sessionId: undefined,
      requestId: index,
      end: (reason) => void ended.push([index, reason]),
      watch: { isRevoked: () => false, isLost: () => false, ...watch(index) },
    });
  return { calls, revoked, ended };
}

function busyFor(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
}

test('10,000 calls are decided again with room in between for everything else (S17, S34)', async () => {
  const { calls, ended } = openCalls(10_000, (index) => ({ isLost: () => (busyFor(0.03), index === 9_999) }));
  let turns = 0;
  const pass = calls.endForbidden(() => snapshot);
  let isOver = false;
  void pass.then(() => (isOver = true));
  for (; !isOver; turns++) await new Promise((resolve) => setImmediate(resolve));
  expect(ended).toEqual([[9_999, 'permit_lost']]);
  expect(turns).toBeGreaterThan(15); // 300 ms of decisions, at most 16 ms each turn
});

test('what is revoked while calls are decided again does not wait for that (S17, S34)', async () => {
  let decided = 0;
  const { calls, revoked, ended } = openCalls(1_000, () => ({ isLost: () => (busyFor(1), decided++, false) }));
  const first = calls.endForbidden(() => snapshot);
  while (decided === 0) await new Promise((resolve) => setImmediate(resolve));
  revoked.add('k999');
  const second = calls.endRevoked(() => snapshot);
  while (ended.length === 0) await new Promise((resolve) => setImmediate(resolve));
  expect([ended, decided < 500]).toEqual([[[999, 'token_revoked']], true]);
  await Promise.all([first, second]);
  expect(decided).toBe(999);
});

test('a call is decided by the newest configuration, and by none while there is none (S17, S27)', async () => {
  const seen: number[] = [];
  let current: typeof snapshot | undefined = snapshot;
  const { calls } = openCalls(3, () => ({
    isLost: ({ revision }) => {
      seen.push(revision);
      current = revision === 1 ? createSnapshot({ ...snapshot, revision: 2 }) : undefined;
      return false;
    },
  }));
  await calls.endForbidden(() => current);
  expect(seen).toEqual([1, 2]);
});

test('one that is over while others are decided on is not ended once more', async () => {
  const { calls, ended } = openCalls(0, () => ({}));
  const leave: (() => void)[] = [];
  const add = (index: number, isLost: () => boolean) =>
    leave.push(
      calls.add({
        verified: { caller, kid: 'k' },
        endsWithToken: false,
        sessionId: undefined,
        requestId: index,
        end: (reason) => void ended.push([index, reason]),
        watch: { isRevoked: () => false, isLost },
      }),
    );
  add(0, () => (leave[1]?.(), false));
  add(1, () => true);
  await calls.endForbidden(() => snapshot);
  expect([ended, calls.size]).toEqual([[], 1]);
});

test('a cancellation ends the one call it names, and looks at those of its session alone (S34)', () => {
  const { calls } = openCalls(0, () => ({}));
  const ended: string[] = [];
  let looks = 0;
  const add = (sessionId: string, id: number) =>
    calls.add({
      verified: { caller, kid: 'k' },
      endsWithToken: false,
      sessionId,
      get requestId() {
        return (looks++, id);
      },
      end: (reason) => void ended.push(`${sessionId} ${id} ${reason}`),
    });
  for (let index = 0; index < 1_000; index++) add(`s${index}`, 1);
  const leave = add('s7', 2);
  expect([calls.cancel('s7', 1), calls.cancel('s7', 1), calls.cancel('s7', 2), calls.cancel('nowhere', 1)]).toEqual([
    true,
    false,
    true,
    false,
  ]);
  leave();
  expect([ended, calls.size, looks < 10]).toEqual([['s7 1 cancelled', 's7 2 cancelled'], 999, true]);
});
