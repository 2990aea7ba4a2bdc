import { describe, expect, test } from 'vitest';
import type { JsonObject } from '@sallyport/mcp-relay';
import type { Naming } from '@sallyport/server';
import { Catalogues, NAMES_GOOD_MS } from './catalogues.js';
import type { Freshness, PageReader } from './catalogues.js';
import type { CredentialLease } from './credential-leases.js';
import type { ServerResult } from './read-answer.js';

const NAMING = { prefix: 'server', longest: 64 } as const;

/** A catalogue knows a lease by these two alone. */
const leaseOf = (identity: string) =>
  ({ identity, server: 'notes', targetOrigin: 'https://notes.example' }) as CredentialLease;
const tool = (name: string) => ({ name, inputSchema: { type: 'object' } });
const resultOf = (size: number, result: Record<string, unknown>): ServerResult => ({
  type: 'result',
  size,
  result,
  json: JSON.stringify(result),
});
const page = (tools: unknown[], nextCursor?: string): ServerResult =>
  resultOf(10, { tools, ...(nextCursor === undefined ? {} : { nextCursor }) });

function world(answer: (params: JsonObject) => ServerResult = () => page([tool('a')]), maxRemembered = 1_000_000) {
  const state = { now: 0, read: 0 };
  const catalogues = new Catalogues({ clock: () => state.now, random: () => 0, maxAgeMs: 1_000, maxRemembered });
  const reader: PageReader = async (params) => {
    state.read += 1;
    return answer(params);
  };
  const names = async (identity: string, maxAgeMs?: number | 'ttl') => {
    const outcome = await catalogues.list('tools', leaseOf(identity), NAMING, reader, { maxAgeMs });
    return outcome.type === 'listed' ? [...outcome.listing.entries.keys()] : outcome;
  };
  return { state, names, catalogues, reader };
}

describe('a server that is slow to list', () => {
  /** It answers when it is told to, by the clock of the test. */
  function slowWorld() {
    const { catalogues, state } = world();
    const answers: ((tools: string[]) => void)[] = [];
    const reader: PageReader = async () =>
      await new Promise<ServerResult>((resolve) => answers.push((tools) => resolve(page(tools.map(tool)))));
    const ask = async (identity: string, freshness: Freshness) => {
      const outcome = await catalogues.list('tools', leaseOf(identity), NAMING, reader, freshness);
      return outcome.type === 'listed' ? { names: [...outcome.listing.entries.keys()], ttlMs: outcome.ttlMs } : outcome;
    };
    return { ask, answers, state };
  }
  const patient = { maxAgeMs: 'ttl', waitMs: 20 } as const;

  test('is read on after its list was answered without it, and has its place in the next', async () => {
    const { ask, answers } = slowWorld();
    expect(await ask('alice', patient)).toEqual({ type: 'failed', reason: 'timeout' });
    const call = ask('alice', {});
    expect(answers).toHaveLength(1);
    answers[0]?.(['a']);
    expect(await call).toMatchObject({ names: ['notes__a'] });
    expect(await ask('alice', patient)).toMatchObject({ names: ['notes__a'] });
    expect(answers).toHaveLength(1);
  });
  test('is listed as it was while it is read anew, and not called fresh', async () => {
    const { ask, answers, state } = slowWorld();
    const first = ask('alice', {});
    answers[0]?.(['a']);
    await first;
    state.now = 2_000;
    expect(await ask('alice', patient)).toEqual({ names: ['notes__a'], ttlMs: 0 });
    state.now = 2_100;
    answers[1]?.(['b']);
    expect(await ask('alice', patient)).toMatchObject({ names: ['notes__b'] });
    // From now on it is asked before what it said is too old, and nobody waits for that.
    state.now = 2_700;
    expect(await ask('alice', patient)).toMatchObject({ names: ['notes__b'] });
    expect(answers).toHaveLength(3);
    state.now = 2_000 + 11 * 60_000;
    expect(await ask('alice', patient)).toEqual({ type: 'failed', reason: 'timeout' });
  });
  test('keeps nobody waiting twice, and is waited for again once it is quick', async () => {
    const { ask, answers } = slowWorld();
    await ask('alice', { maxAgeMs: 'ttl', waitMs: 700 });
    const before = performance.now();
    expect(await ask('bob', { maxAgeMs: 'ttl', waitMs: 60_000 })).toEqual({ type: 'failed', reason: 'timeout' });
    expect(performance.now() - before).toBeLessThan(5_000);
    answers.at(-1)?.(['a']);
    await ask('bob', {});
    const carol = ask('carol', { maxAgeMs: 'ttl', waitMs: 60_000 });
    setTimeout(() => answers.at(-1)?.(['a']), 800);
    expect(await carol).toMatchObject({ names: ['notes__a'] });
  });
});

describe('a catalogue', () => {
  test('is read once by those who ask together with one identity, and never shown to another (S14) (S15)', async () => {
    const { state, names } = world();
    await Promise.all([names('alice'), names('alice'), names('bob')]);
    expect(state.read).toBe(2);
    await names('alice');
    expect(state.read).toBe(2);
  });
  test('grows old, sooner for those who need it fresh', async () => {
    const { state, names } = world();
    await names('alice');
    state.now = 600;
    await names('alice');
    expect(state.read).toBe(1);
    await names('alice', 500);
    expect(state.read).toBe(2);
    state.now = 1_700;
    await names('alice');
    expect(state.read).toBe(3);
  });
  test.each([
    ['no word of it', undefined, 1_000],
    ['one that is over already', 0, 1_000],
    ['one that is no number', 'x', 1_000],
    ['a short one', 3_000, 3_000],
    ['a long one', 86_400_000, 60_000],
  ])('is listed again after the time its server vouches for: %s (S15)', async (_what, ttlMs, expected) => {
    const state = { now: 0, read: 0 };
    const catalogues = new Catalogues({
      clock: () => state.now,
      ...(typeof ttlMs === 'number' ? {} : { maxAgeMs: 1_000 }),
    });
    const ask = async () =>
      await catalogues.list(
        'tools',
        leaseOf('alice'),
        NAMING,
        async () => {
          state.read += 1;
          return resultOf(10, { tools: [tool('a')], ...(ttlMs === undefined ? {} : { ttlMs }), cacheScope: 'public' });
        },
        { maxAgeMs: 'ttl' },
      );
    await ask();
    state.now = expected - 1;
    await ask();
    expect(state.read).toBe(1);
    state.now = expected;
    await ask();
    expect(state.read).toBe(2);
  });
  test("that a server calls public is still one identity's own (S14)", async () => {
    const { state, names } = world(() => resultOf(10, { tools: [tool('a')], ttlMs: 60_000, cacheScope: 'public' }));
    await Promise.all([names('alice'), names('bob')]);
    expect(state.read).toBe(2);
  });
  test('holds all pages, and survives a server that repeats its cursor', async () => {
    const { names } = world(({ cursor }) => (cursor === undefined ? page([tool('a')], 'x') : page([tool('b')], 'x')));
    expect(await names('alice')).toEqual(['notes__a', 'notes__b']);
    const endless = world(({ cursor }) => page([tool(`t${Number(cursor ?? 0)}`)], String(Number(cursor ?? 0) + 1)));
    expect(await endless.names('alice')).toHaveLength(100);
  });
  test('of a server without the capability is empty', async () => {
    expect(
      await world(() => ({ type: 'error', said: { code: -32601, message: 'Method not found' }, status: 200 })).names(
        'alice',
      ),
    ).toEqual([]);
  });
  test('that could not be read is said to be so, and the next one that is due is read', async () => {
    let answer: ServerResult = { type: 'failed', reason: 'timeout' };
    const { names, state } = world(() => answer);
    expect(await names('alice')).toEqual({ type: 'failed', reason: 'timeout' });
    state.now += 1_000;
    answer = resultOf(10, { tools: 'nonsense' });
    expect(await names('alice')).toEqual({ type: 'failed', reason: 'protocol' });
    state.now += 2_000;
    answer = page([tool('a')]);
    expect(await names('alice')).toEqual(['notes__a']);
  });
  test('that fails is not asked for again for seconds, each time for longer, and whoever asks is told what is wrong', async () => {
    const { names, state } = world(() => ({ type: 'failed', reason: 'too-large' }));
    const asked: [number, unknown][] = [];
    for (; state.now < 40_000; state.now += 500) {
      const before = state.read;
      const outcome = await names('alice');
      if (state.read > before) asked.push([state.now, outcome]);
      else expect(outcome).toEqual({ type: 'failed', reason: 'too-large', retryAfterSeconds: expect.any(Number) });
    }
    expect(asked.map(([at]) => at)).toEqual([0, 1_000, 3_000, 7_000, 15_000, 25_000, 35_000]);
    const jittered = new Catalogues({ clock: () => state.now, random: () => 1 });
    const ask = async () =>
      await jittered.list('tools', leaseOf('alice'), NAMING, async () => ({
        type: 'failed',
        reason: ((state.read += 1), 'protocol'),
      }));
    await ask();
    const read = state.read;
    state.now += 700;
    await ask();
    expect(state.read).toBe(read);
    state.now += 50;
    await ask();
    expect(state.read).toBe(read + 1);
  });
  test('that failed for one identity is read for another; a server that is not reached is not tried for anybody (S14)', async () => {
    let reason: 'protocol' | 'unreachable' = 'protocol';
    const { names, state } = world(() => ({ type: 'failed', reason }));
    await names('alice');
    await names('bob');
    await names('alice');
    expect(state.read).toBe(2);
    reason = 'unreachable';
    await names('carol');
    expect(await names('dora')).toEqual({ type: 'failed', reason: 'unreachable', retryAfterSeconds: 1 });
    expect(state.read).toBe(3);
  });
  test('is tried by one when its pause is over, while the others are told; all have it when it came', async () => {
    const { catalogues, state } = world();
    let finish: (result: ServerResult) => void = () => undefined;
    let read = 0;
    const reader: PageReader = async () =>
      await new Promise<ServerResult>((resolve) => {
        read += 1;
        finish = resolve;
      });
    const list = (identity: string) => catalogues.list('tools', leaseOf(identity), NAMING, reader);
    const failing = list('alice');
    finish({ type: 'failed', reason: 'unreachable' });
    await failing;
    state.now += 1_000;
    const tried = list('bob');
    expect(await list('carol')).toMatchObject({ type: 'failed', reason: 'unreachable' });
    expect(read).toBe(2);
    finish(page([tool('a')]));
    expect((await tried).type).toBe('listed');
    const free = list('carol');
    finish(page([tool('a')]));
    expect((await free).type).toBe('listed');
  });
  test.each<ServerResult>([
    { type: 'credential-rejected' },
    { type: 'failed', reason: 'http-status', challenge: 'Bearer error="insufficient_scope"' },
    { type: 'failed', reason: 'no-room' },
  ])('that failed by what is ours to change is read again: %o', async (answer) => {
    const { names, state } = world(() => answer);
    await names('alice');
    await names('alice');
    expect(state.read).toBe(2);
  });
  test('is read again, whatever failed before, when its server says that it changed', async () => {
    const { names, state, catalogues } = world(() => ({ type: 'failed', reason: 'protocol' }));
    await names('alice');
    catalogues.forget(leaseOf('alice'));
    await names('alice');
    expect(state.read).toBe(2);
  });
  test('is asked for with what may still come of it: a page that is larger need not be parsed', async () => {
    const sizes: number[] = [];
    const { catalogues } = world();
    await catalogues.list('tools', leaseOf('alice'), NAMING, async ({ cursor }, maxSize) => {
      sizes.push(maxSize);
      return { ...page([tool('a')], cursor === undefined ? 'x' : undefined), size: 3_000_000 };
    });
    expect(sizes).toEqual([8 * 1024 * 1024, 8 * 1024 * 1024 - 3_000_000]);
  });
  test('that is too large in all its pages is refused, and many together make room for each other', async () => {
    const huge = world(({ cursor }) =>
      resultOf(1024 * 1024, { tools: [tool(`t${Number(cursor ?? 0)}`)], nextCursor: String(Number(cursor ?? 0) + 1) }),
    );
    expect(await huge.names('alice')).toEqual({ type: 'failed', reason: 'too-large' });
    const { state, names } = world(() => ({ ...page([tool(`of-reading-${state.read}`)]), size: 400 }), 1_000);
    for (const user of ['alice', 'bob', 'carol', 'carol', 'bob']) await names(user);
    expect(state.read).toBe(3);
    await names('alice');
    expect(state.read).toBe(4);
  });
  test('takes the memory of one where many were shown the same, and is still read for each (S14)', async () => {
    const { state, names, catalogues, reader } = world(() => ({ ...page([tool('a')]), size: 400 }), 1_000);
    const users = Array.from({ length: 100 }, (_, index) => `user-${index}`);
    for (const user of [...users, ...users]) await names(user);
    expect(state.read).toBe(100);
    const listingOf = async (user: string) => {
      const outcome = await catalogues.list('tools', leaseOf(user), NAMING, reader);
      return outcome.type === 'listed' ? outcome.listing : expect.fail('nothing is listed');
    };
    expect(await listingOf('user-0')).toBe(await listingOf('user-1'));
  });
  test.each<[string, string, unknown[], Naming]>([
    ['in another word', 'alice', [{ ...tool('a'), description: 'x' }], NAMING],
    ['in other spelling', 'alice', [tool('a'), tool('b')], NAMING],
    ['under other names', 'alice', [tool('a')], { ...NAMING, prefix: 'never' }],
  ])('that differs %s is another', async (_how, identity, tools, naming) => {
    const { catalogues } = world();
    const listed = async (shown: unknown[], as: Naming) => {
      const outcome = await catalogues.list('tools', leaseOf(identity), as, async () => page(shown), { maxAgeMs: 0 });
      return outcome.type === 'listed' ? outcome.listing : expect.fail('nothing is listed');
    };
    const first = await listed([tool('a')], NAMING);
    const second = await listed(tools, naming);
    expect(second).not.toBe(first);
    expect([...second.entries.values()].map(({ json }) => json)).not.toEqual(
      [...first.entries.values()].map(({ json }) => json),
    );
    expect(await listed([tool('a')], NAMING)).toBe(first);
  });
  test('that is good for names counts no longer than others once its server refused a call', async () => {
    const { catalogues, names, state } = world();
    const found = () => catalogues.atHand('tools', leaseOf('alice'), NAMING, '', NAMES_GOOD_MS);
    await names('alice');
    state.now = NAMES_GOOD_MS - 1;
    const listing = found();
    expect([listing?.isCurrent(), catalogues.atHand('tools', leaseOf('alice'), NAMING, '')]).toEqual([true, undefined]);
    catalogues.doubt(leaseOf('bob'));
    expect(listing?.isCurrent()).toBe(true);
    catalogues.doubt(leaseOf('alice'));
    expect([listing?.isCurrent(), found()]).toEqual([false, undefined]);
    await names('alice', NAMES_GOOD_MS);
    expect(state.read).toBe(2);
    state.now += 1; // what was read in the moment of the refusal may be older than it
    catalogues.forget(leaseOf('alice'));
    await names('alice');
    state.now += NAMES_GOOD_MS - 1;
    expect(found()?.isCurrent()).toBe(true);
    state.now += 1;
    expect(found()).toBeUndefined();
  });
  test('keeps tools, prompts, resources and templates apart', async () => {
    const { catalogues } = world();
    const resources: PageReader = async () => resultOf(10, { resources: [{ uri: 'note://1', name: 'n' }] });
    const listed = await catalogues.list('resources', leaseOf('alice'), NAMING, resources);
    expect(
      listed.type === 'listed' &&
        [...listed.listing.entries.values()].map(({ name, publicName }) => [name, publicName]),
    ).toEqual([['note://1', 'via-notes+note://1']]);
    const templates: PageReader = async () => resultOf(10, { resourceTemplates: [] });
    expect(await catalogues.list('resourceTemplates', leaseOf('alice'), NAMING, templates)).toMatchObject({
      listing: { entries: new Map() },
    });
    const prompts: PageReader = async () => resultOf(10, { prompts: [{ name: 'p' }] });
    expect(await catalogues.list('prompts', leaseOf('alice'), NAMING, prompts)).toMatchObject({
      listing: { entries: new Map([['notes__p', { name: 'p' }]]) },
    });
  });
});
