import { createFakeClock } from '@sallyport/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { EndAnnouncements } from './announce-ends.js';
import type { EndOutcome, SessionEnd } from './announce-ends.js';
import { EndedSessions } from './ended-sessions.js';
import { MissedEnds } from './missed-ends.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const ENDED: EndOutcome = { outcome: 'ended' };
const passing = () => {
  const clock = createFakeClock();
  return {
    clock,
    nowSeconds: () => clock() / 1000,
    pass: async (ms: number) => {
      // In steps: what a timer starts may set the next one.
      for (let left = ms; left > 0; left -= 50) {
        clock.advance(Math.min(50, left));
        await vi.advanceTimersByTimeAsync(Math.min(50, left));
      }
    },
  };
};

function announcing() {
  const time = passing();
  const requests: (readonly SessionEnd[])[] = [];
  const said: string[] = [];
  const state = { answer: async (): Promise<unknown> => ({ v: 1, full: [] }), random: 0, notKept: 0 };
  const announcements = new EndAnnouncements({
    clock: time.clock,
    random: () => state.random,
    announce: async (ends) => {
      requests.push(ends);
      return await state.answer();
    },
    onFailing: () => said.push('failing'),
    onRecovered: () => said.push('recovered'),
    onNotKept: (count) => void (state.notKept += count),
  });
  const ended = new EndedSessions({ announcements, clock: time.clock });
  const end = (id: string, userId = 'usr_a', expiresIn = 86_400): SessionEnd => ({
    id,
    userId,
    expiresAt: time.nowSeconds() + expiresIn,
  });
  const away = async (): Promise<unknown> => {
    throw new Error('the control plane is away');
  };
  return {
    ...time,
    requests,
    said,
    state,
    announcements,
    ended,
    end,
    away,
    sizes: () => requests.map(({ length }) => length),
  };
}

describe('a session that ended here', () => {
  test('is over at once, and told with all others that end at the time: one request, and one for those that come meanwhile (R64, S34)', async () => {
    const { announcements, ended, end, requests, sizes, state } = announcing();
    let answer: (value: unknown) => void = () => undefined;
    state.answer = () => new Promise((resolve) => (answer = resolve));
    const outcomes = Array.from({ length: 300 }, (_, index) => ended.end(end(`mss_${index}`)));
    expect([ended.has('mss_299'), ended.has('mss_300')]).toEqual([true, false]);
    await vi.advanceTimersByTimeAsync(0);
    outcomes.push(...Array.from({ length: 200 }, (_, index) => ended.end(end(`mss_${300 + index}`))));
    await vi.advanceTimersByTimeAsync(0);
    expect(sizes()).toEqual([300]);
    answer({ v: 1, full: [] });
    await vi.advanceTimersByTimeAsync(0);
    expect([sizes(), requests[1]?.[0]?.id]).toEqual([[300, 200], 'mss_300']);
    answer({ v: 1, full: [] });
    expect(await Promise.all(outcomes)).toEqual(outcomes.map(() => ENDED));
    expect(announcements.size).toBe(0);
  });

  test('is told again until somebody took it: all in one request, ever later, with chance, and one timer for all (S34)', async () => {
    const { announcements, end, pass, sizes, said, state, away } = announcing();
    state.answer = away;
    const first = announcements.tell(end('mss_0'));
    await vi.advanceTimersByTimeAsync(0);
    expect(await first).toEqual(ENDED);
    for (let index = 1; index < 500; index++)
      expect(await announcements.tell(end(`mss_${index}`, `usr_${index}`))).toEqual(ENDED);
    expect([vi.getTimerCount(), sizes()]).toEqual([1, [1]]);
    const at: number[] = [];
    for (let waited = 0; waited < 120_000; waited += 500) {
      const before = sizes().length;
      await pass(500);
      if (sizes().length > before) at.push(waited + 500);
    }
    expect(at).toEqual([500, 1_500, 3_500, 7_500, 15_500, 31_500, 61_500, 91_500]);
    expect([vi.getTimerCount(), said, new Set(sizes())]).toEqual([1, ['failing'], new Set([1, 500])]);
    state.random = 1;
    await pass(30_000);
    const before = sizes().length;
    await pass(15_000);
    expect(sizes().length).toBe(before + 1);
    state.answer = async () => ({ v: 1, full: [] });
    await pass(15_000);
    expect([announcements.size, announcements.failing, vi.getTimerCount(), said]).toEqual([
      0,
      false,
      0,
      ['failing', 'recovered'],
    ]);
  });

  test('waits as long as a busy control plane asks for (S34)', async () => {
    const { announcements, end, pass, sizes, state } = announcing();
    state.answer = async () => ({ busy: { retryAfterMs: 4_000 } });
    expect(await announcements.tell(end('mss_0'))).toEqual(ENDED);
    await pass(3_950);
    expect(sizes()).toEqual([1]);
    await pass(50);
    expect(sizes()).toEqual([1, 1]);
  });

  test('goes on when too many of its user are kept: that user hears until when, is not asked about for a while, and nobody else is refused (S32)', async () => {
    const { ended, end, nowSeconds, pass, sizes, state } = announcing();
    state.answer = async () => ({ v: 1, full: [{ id: 'mss_1', until: nowSeconds() + 3_600 }] });
    expect(
      await Promise.all([ended.end(end('mss_0')), ended.end(end('mss_1')), ended.end(end('mss_2', 'usr_b'))]),
    ).toEqual([ENDED, { outcome: 'full', retryAfterSeconds: 3_600 }, ENDED]);
    expect([ended.has('mss_0'), ended.has('mss_1'), ended.has('mss_2')]).toEqual([true, false, true]);
    expect(await ended.end(end('mss_1'))).toEqual({ outcome: 'full', retryAfterSeconds: 3_600 });
    expect(sizes()).toEqual([3]);
    expect(await ended.end(end('mss_3', 'usr_b'))).toEqual(ENDED);
    await pass(61_000);
    state.answer = async () => ({ v: 1, full: [] });
    expect(await ended.end(end('mss_1'))).toEqual(ENDED);
  });

  test('finds room while nothing can be told, however many of another user wait (S32)', async () => {
    const { announcements, end, state, away } = announcing();
    state.answer = away;
    const outcomesOf = async (userId: string, count: number) =>
      (
        await Promise.all(
          Array.from({ length: count }, (_, index) => announcements.tell(end(`${userId}_${index}`, userId))),
        )
      ).filter(({ outcome }) => outcome === 'ended').length;
    expect(await outcomesOf('usr_a', 1_200)).toBe(1_000);
    for (let user = 0; user < 10; user++) await outcomesOf(`usr_${user}`, 1_000);
    expect([await outcomesOf('usr_late', 30), await outcomesOf('usr_a', 10)]).toEqual([20, 0]);
    expect(announcements.size).toBeLessThan(11_000);
  });

  test('is forgotten when it would have ended by itself, told or not', async () => {
    const { announcements, ended, end, pass, state, away } = announcing();
    state.answer = away;
    await ended.end(end('mss_0', 'usr_a', 10));
    await pass(11_000);
    ended.sweep();
    await pass(10_000);
    expect([ended.has('mss_0'), announcements.size, vi.getTimerCount()]).toEqual([false, 0, 0]);
  });
});

describe('sessions that ended elsewhere', () => {
  function following() {
    const time = passing();
    const all: [string, number][] = [];
    const state = { isAway: false, connections: 1, asked: [] as number[], failing: 0, page: 1_000 };
    const ended = new EndedSessions({ clock: time.clock, announcements: { tell: async () => ENDED } });
    const missed = new MissedEnds({
      clock: time.clock,
      random: () => 0,
      connections: () => state.connections,
      learn: (ends) => ended.learn(ends),
      onFailing: () => void (state.failing += 1),
      list: async (after) => {
        state.asked.push(after);
        if (state.isAway) throw new Error('the control plane is away');
        const ends = all.slice(after, after + state.page);
        return {
          v: 1,
          ends,
          upTo: ends.length === 0 ? all.length : after + ends.length,
          isLast: after + ends.length >= all.length,
        };
      },
    });
    const add = (count: number) => {
      const after = all.length;
      for (let index = 0; index < count; index++) all.push([`mss_${all.length}`, time.nowSeconds() + 86_400]);
      return { v: 1, after, upTo: all.length, ends: all.slice(after) };
    };
    const knows = () => all.filter(([id]) => ended.has(id)).length;
    setInterval(() => void missed.look(), 1_000);
    return { ...time, all, state, ended, missed, add, knows };
  }

  test('are asked for page by page at the start, then learned as they are told (R64)', async () => {
    const { missed, add, knows, state, all } = following();
    add(2_500);
    expect(missed.isBehind).toBe(true);
    await missed.start();
    expect([state.asked, knows(), missed.isBehind]).toEqual([[0, 1_000, 2_000], 2_500, false]);
    missed.heard(add(3));
    missed.heard({ nonsense: true });
    expect([knows(), all.length]).toEqual([2_503, 2_503]);
  });

  test('are asked for when one was not told, at once when the bus was away, and now and then in any case (R64)', async () => {
    const { missed, add, knows, state, pass } = following();
    await missed.start();
    add(1);
    missed.heard(add(1));
    await pass(1_000);
    expect([state.asked, knows()]).toEqual([[0, 0], 2]);
    add(1);
    state.connections = 2;
    await pass(1_000);
    expect([state.asked, knows()]).toEqual([[0, 0, 2], 3]);
    add(1);
    await pass(11_000);
    expect([state.asked.at(-1), knows()]).toEqual([3, 4]);
  });

  test('are asked for ever later while nobody answers, and the gateway says that it may lack some (S34)', async () => {
    const { missed, add, knows, state, pass } = following();
    state.isAway = true;
    const starting = missed.start();
    await vi.advanceTimersByTimeAsync(1_000);
    await starting;
    add(1);
    await pass(120_000);
    expect([missed.isBehind, state.failing]).toEqual([true, 1]);
    expect(state.asked.length).toBeLessThan(12);
    state.isAway = false;
    await pass(31_000);
    expect([knows(), missed.isBehind]).toEqual([1, false]);
    state.isAway = true;
    await pass(60_000);
    expect(missed.isBehind).toBe(true);
  });

  test('are still asked for when the control plane knows less than it did', async () => {
    const { missed, add, all, state, pass, knows } = following();
    add(10);
    await missed.start();
    all.length = 0;
    await pass(11_000);
    add(2);
    await pass(11_000);
    expect([state.asked.slice(-2), knows()]).toEqual([[10, 0], 2]);
  });
});
