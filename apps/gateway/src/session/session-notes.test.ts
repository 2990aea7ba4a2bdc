import { describe, expect, test } from 'vitest';
import { LogLevels } from './log-levels.js';
import { ResourceSubscriptions } from './resource-subscriptions.js';
import { SessionNotes } from './session-notes.js';

const now = 1_800_000_000_000;
const EXPIRY = now / 1000 + 86_400;
const session = (userId: string, id: string, expiresAt = EXPIRY) => ({ id, userId, expiresAt });
const resource = (uri: string) => ({ server: 'notes', uri });
const nothingEnded = () => false;
const MANY = 20_000;

describe('what is remembered of sessions', () => {
  test('is pushed out by no other user: who begins ever more sessions loses their own, the longest unused first, and it is said (S32)', () => {
    const subscriptions = new ResourceSubscriptions(() => now);
    expect(subscriptions.set(session('modest', 'quiet'), resource('note://quiet'), true)).toBeUndefined();
    for (let count = 0; count < MANY; count++) {
      expect(subscriptions.set(session('greedy', `s${count}`), resource('note://x'), true)).toBeUndefined();
      subscriptions.of('s0');
    }
    expect(subscriptions.of('quiet')).toEqual([resource('note://quiet')]);
    expect(subscriptions.set(session('late', 'new'), resource('note://new'), true)).toBeUndefined();
    expect([
      subscriptions.of('s0').length,
      subscriptions.of('s1').length,
      subscriptions.of(`s${MANY - 1}`).length,
    ]).toEqual([1, 0, 1]);
    expect([subscriptions.sweep(nothingEnded) > MANY / 2, subscriptions.sweep(nothingEnded)]).toEqual([true, 0]);
  });
  test('long URIs take as many places as they are long (S32)', () => {
    const subscriptions = new ResourceSubscriptions(() => now);
    subscriptions.set(session('modest', 'quiet'), resource('note://quiet'), true);
    const long = (index: number) => resource(`note://${index}/${'x'.repeat(8_000)}`);
    for (let count = 0; count < MANY; count++)
      subscriptions.set(session('greedy', `s${Math.floor(count / 64)}`), long(count), true);
    const kept = Array.from({ length: MANY / 64 }, (_none, index) => subscriptions.of(`s${index}`)).flat();
    expect(kept.length * 8_000).toBeLessThan(2 * 1024 * 1024);
    expect(subscriptions.of('quiet')).toHaveLength(1);
  });
  test('a session takes 64 resources, and one more is refused, not dropped', () => {
    const subscriptions = new ResourceSubscriptions(() => now);
    const refusals = Array.from({ length: 65 }, (_none, index) =>
      subscriptions.set(session('a', 's'), resource(`note://${index}`), true),
    );
    expect([
      refusals.slice(0, 64).every((refusal) => refusal === undefined),
      refusals[64],
      subscriptions.of('s').length,
    ]).toEqual([true, 'own', 64]);
    expect([
      subscriptions.set(session('a', 's'), resource('note://0'), false),
      subscriptions.set(session('a', 's'), resource('note://64'), true),
    ]).toEqual([undefined, undefined]);
  });
  test('log levels have shares as well (S32)', () => {
    const levels = new LogLevels(() => now, 900);
    const of = (id: string) =>
      levels.latest({ id, version: '2025-11-25', abilities: new Set(), expiresAt: EXPIRY }).log?.level;
    levels.remember(session('modest', 'quiet'), { level: 'error', setAt: now });
    for (let count = 0; count < 2_000; count++)
      levels.remember(session('greedy', `s${count}`), { level: 'debug', setAt: now });
    expect([of('quiet'), of('s0'), of('s1999')]).toEqual(['error', undefined, 'debug']);
    expect(levels.sweep(nothingEnded)).toBeGreaterThan(1_800);
  });
  test('ends with the session, by itself or before its time, and its places are free again', () => {
    let time = now;
    const notes = new SessionNotes<number>({ places: 9, clock: () => time });
    expect(notes.set(session('a', 'short', now / 1000 + 1), 1, 1)).toBeUndefined();
    for (let index = 0; index < 8; index++) notes.set(session(`user-${index}`, `s${index}`), index, 1);
    expect(notes.set(session('late', 'new'), 1, 1)).toBe('all');
    time += 1_000;
    notes.sweep((id) => id === 's0');
    expect([notes.size, notes.get('short'), notes.get('s0')]).toEqual([7, undefined, undefined]);
    expect(notes.set(session('late', 'new'), 1, 1)).toBeUndefined();
  });
  test('without room what was noted before stays', () => {
    const notes = new SessionNotes<string>({ places: 4, clock: () => now });
    for (const user of ['a', 'b', 'c']) notes.set(session(user, user), 'before', 1);
    expect([notes.set(session('a', 'a'), 'after', 4), notes.get('a')]).toEqual(['all', 'before']);
  });
});
