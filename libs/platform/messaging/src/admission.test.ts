import { createFakeClock } from '@sallyport/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Admission } from './admission.js';
import type { AdmissionOptions } from './admission.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function admitting(limits: Partial<AdmissionOptions> = {}) {
  const clock = createFakeClock();
  const states: object[] = [];
  const admission = new Admission({
    running: 2,
    runningPerAsker: 2,
    waiting: 4,
    clock,
    random: () => 0.5,
    onShedding: (state) => states.push(state),
    ...limits,
  });
  const begun: string[] = [];
  const running: { name: string; end: () => void }[] = [];
  const outcomes: Record<string, unknown> = {};
  const ask = async (
    name: string,
    { asker = name[0], waitsMs = 5_000 }: { asker?: string | undefined; waitsMs?: number } = {},
  ) => {
    outcomes[name] = await admission.admit({ asker, waitsMs }, async () => {
      begun.push(name);
      await new Promise<void>((resolve) => running.push({ name, end: resolve }));
      return 'done';
    });
  };
  const asked = async (...names: string[]) => {
    for (const name of names) void ask(name);
    await vi.advanceTimersByTimeAsync(0);
  };
  /** The one that began first, of those that run. */
  const end = async () => {
    running.shift()?.end();
    await vi.advanceTimersByTimeAsync(0);
  };
  return { clock, states, admission, begun, outcomes, ask, asked, end };
}
const busy = { busy: { retryAfterMs: 1_500 } };

describe('admission', () => {
  test('lets so many run, and the others wait for their turn (S34)', async () => {
    const { asked, end, begun, outcomes, admission } = admitting();
    await asked('a1', 'b1', 'c1', 'd1');
    expect([begun, admission.waiting]).toEqual([['a1', 'b1'], 2]);
    for (let round = 0; round < 4; round++) await end();
    expect(begun).toEqual(['a1', 'b1', 'c1', 'd1']);
    expect([Object.values(outcomes), admission.waiting]).toEqual([['done', 'done', 'done', 'done'], 0]);
  });

  test('gives each asker a turn: a storm of one does not make another wait for it (S32, S34)', async () => {
    const { asked, end, begun } = admitting({ waiting: 100 });
    await asked(...Array.from({ length: 50 }, (_, index) => `a${index}`), 'b1', 'c1');
    for (let round = 0; round < 3; round++) await end();
    expect(begun).toEqual(['a0', 'a1', 'b1', 'c1', 'a2']);
  });

  test('runs no more than its share for one asker, also while there is room (S32)', async () => {
    const { asked, begun } = admitting({ running: 4, runningPerAsker: 1 });
    await asked('a1', 'a2', 'b1');
    expect(begun).toEqual(['a1', 'b1']);
  });

  test('full refuses whom it is full of, and says when to come again (S32)', async () => {
    const { asked, begun, end, outcomes } = admitting({ running: 1 });
    await asked('a0', 'a1', 'a2', 'a3', 'a4', 'a5');
    expect(outcomes).toEqual({ a5: busy });
    await asked('b1', 'c1');
    expect(outcomes).toEqual({ a5: busy, a4: busy, a3: busy });
    for (let round = 0; round < 6; round++) await end();
    expect(begun).toEqual(['a0', 'a1', 'b1', 'c1', 'a2']);
  });

  test('drops what nobody waits for any more, and does not begin it (S34)', async () => {
    const { ask, asked, begun, clock, end, outcomes } = admitting({ running: 1 });
    await asked('a1');
    void ask('b1', { waitsMs: 1_000 });
    void ask('c1', { waitsMs: 3_000 });
    clock.advance(2_000);
    await end();
    await end();
    expect(begun).toEqual(['a1', 'c1']);
    expect(outcomes).toMatchObject({ a1: 'done', b1: busy, c1: 'done' });
  });

  test('what nobody waits for takes no room from others (S34)', async () => {
    const { ask, clock, outcomes, admission } = admitting({ running: 1, waiting: 2 });
    for (const name of ['a1', 'b1', 'c1']) void ask(name, { waitsMs: 1_000 });
    await vi.advanceTimersByTimeAsync(0);
    clock.advance(1_000);
    void ask('d1');
    await vi.advanceTimersByTimeAsync(0);
    expect([outcomes, admission.waiting]).toEqual([{ b1: busy, c1: busy }, 1]);
  });

  test('work that fails gives its place back', async () => {
    const { admission, asked, begun } = admitting({ running: 1 });
    await expect(
      admission.admit({}, async () => {
        throw new Error('the database is away');
      }),
    ).rejects.toThrow('away');
    await asked('a1');
    expect(begun).toEqual(['a1']);
  });

  test('says once that it turns requests away, and once how many when it no longer does', async () => {
    const { asked, clock, states } = admitting({ running: 1, waiting: 1 });
    const pass = async (ms: number) => {
      clock.advance(ms);
      await vi.advanceTimersByTimeAsync(ms);
    };
    await asked('a1', 'a2', 'a3', 'a4');
    await pass(4_000);
    await asked('a5');
    await pass(2_000);
    expect(states).toEqual([{ shedding: true, refused: 1, dropped: 0 }]);
    await pass(20_000);
    expect(states).toEqual([
      { shedding: true, refused: 1, dropped: 0 },
      { shedding: false, refused: 3, dropped: 0 },
    ]);
  });
});
