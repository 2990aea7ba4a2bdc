import { connectDatabase } from '@sallyport/database';
import type { Database } from '@sallyport/database';
import type { McpSessionsEnded } from '@sallyport/messages';
import { createFakeClock, startTestPostgres } from '@sallyport/testing';
import type { FakeClock, TestPostgres } from '@sallyport/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EndedMcpSessions } from './ended-mcp-sessions.js';
import type { EndedMcpSessionsOptions } from './ended-mcp-sessions.js';

let postgres: TestPostgres;
let database: Database;
let clock: FakeClock;
let told: McpSessionsEnded[];
beforeEach(async () => {
  postgres = await startTestPostgres();
  database = connectDatabase(postgres.url);
  clock = createFakeClock();
  told = [];
});
afterEach(async () => {
  await database.$disconnect();
  await postgres.stop();
});

const now = () => Math.floor(clock() / 1000);
const store = (options: Partial<EndedMcpSessionsOptions> = {}) =>
  new EndedMcpSessions({
    database,
    clock,
    onProblem: () => undefined,
    broadcast: async (ended) => void told.push(ended),
    ...options,
  });
const ends = (count: number, userId: string, first = 0, expiresAt = now() + 86_400) =>
  Array.from({ length: count }, (_, index) => ({ id: `mss_${userId}_${first + index}`, userId, expiresAt }));
/** As a gateway reads on. */
const readAll = async (from: EndedMcpSessions, after = 0) => {
  const ids: string[] = [];
  for (let upTo = after; ;) {
    const page = await from.list(upTo);
    ids.push(...page.ends.map(([id]) => id));
    upTo = page.upTo;
    if (page.isLast) return { ids, upTo };
  }
};

describe('sessions that agents ended', () => {
  test('are kept once, told to all gateways after that, and listed in order, page by page (R64, S28)', async () => {
    const sessions = store();
    for (let batch = 0; batch < 6; batch++)
      expect(await sessions.end(ends(1_000, `usr_${batch}`))).toEqual({ v: 1, full: [] });
    expect(told.map(({ ends: some }) => some.length)).toEqual([1_000, 1_000, 1_000, 1_000, 1_000, 1_000]);
    expect(told.slice(1).map(({ after }) => after)).toEqual(told.slice(0, -1).map(({ upTo }) => upTo));
    expect(await sessions.end(ends(1_000, 'usr_5'))).toEqual({ v: 1, full: [] });
    expect([told.length, await database.endedMcpSession.count()]).toEqual([6, 6_000]);
    const { ids, upTo } = await readAll(sessions);
    expect([ids.length, new Set(ids).size, ids[0]?.slice(0, 9), upTo]).toEqual([
      6_000,
      6_000,
      'mss_usr_0',
      told.at(-1)?.upTo,
    ]);
    expect(await sessions.list(upTo)).toEqual({ v: 1, ends: [], upTo, isLast: true });
    expect((await database.revocation.count()) + (await database.configurationRevision.count())).toBe(0);
  });

  test('of one user are bounded: that user hears until when, and nobody else is refused (S28, S32)', async () => {
    const sessions = store();
    expect(await sessions.end(ends(1_000, 'usr_a', 0, now() + 500))).toEqual({ v: 1, full: [] });
    const { full } = await sessions.end([...ends(900, 'usr_a', 1_000), ...ends(10, 'usr_b')]);
    expect(full).toEqual([]);
    const more = await sessions.end([...ends(150, 'usr_a', 1_900), ...ends(10, 'usr_b', 10), ...ends(5, 'usr_a')]);
    expect(more.full.map(({ id }) => id).toSorted()).toEqual(ends(50, 'usr_a', 2_000).map(({ id }) => id));
    expect(new Set(more.full.map(({ until }) => until))).toEqual(new Set([now() + 500]));
    expect([
      await database.endedMcpSession.count({ where: { userId: 'usr_a' } }),
      await database.endedMcpSession.count({ where: { userId: 'usr_b' } }),
    ]).toEqual([2_000, 20]);
    clock.advance(570_000);
    await sessions.forgetExpired();
    expect(await sessions.end(ends(50, 'usr_a', 2_000))).toEqual({ v: 1, full: [] });
  });

  test('altogether are bounded: when there are many, whoever has few still finds room (S32)', async () => {
    const sessions = store({ limits: { perUser: 100, enough: 150, perUserBeyond: 5, most: 170 } });
    const kept = async (count: number, userId: string, first = 0) =>
      count - (await sessions.end(ends(count, userId, first))).full.length;
    expect([await kept(100, 'usr_a'), await kept(80, 'usr_b')]).toEqual([100, 80]);
    clock.advance(10_000);
    expect(await kept(10, 'usr_c')).toBe(0);
    await database.endedMcpSession.deleteMany({ where: { id: { in: ends(30, 'usr_a').map(({ id }) => id) } } });
    clock.advance(10_000);
    expect([await kept(10, 'usr_c'), await kept(10, 'usr_b', 80)]).toEqual([5, 0]);
  });

  test('are forgotten when they would have ended by themselves, however long a gateway says that is', async () => {
    const sessions = store();
    await sessions.end([...ends(1, 'usr_a', 0, now() + 100), ...ends(1, 'usr_a', 1, Number.MAX_SAFE_INTEGER)]);
    clock.advance(161_000);
    await sessions.forgetExpired();
    expect(
      (await database.endedMcpSession.findMany()).map(({ id, expiresAt }) => [id, expiresAt < now() + 32 * 86_400]),
    ).toEqual([['mss_usr_a_1', true]]);
  });

  test('that two control planes write at once are missed by nobody who reads on meanwhile', async () => {
    const other = connectDatabase(postgres.url);
    try {
      const [one, two] = [store(), store({ database: other })];
      let writing = true;
      const read: string[] = [];
      const reading = (async () => {
        for (let upTo = 0, last = false; writing || !last;) {
          last = !writing;
          const page = await readAll(one, upTo);
          read.push(...page.ids);
          upTo = page.upTo;
        }
      })();
      await Promise.all(
        Array.from({ length: 80 }, (_, batch) => (batch % 2 === 0 ? one : two).end(ends(5, 'usr_a', batch * 5))),
      );
      writing = false;
      await reading;
      expect([read.length, new Set(read).size]).toEqual([400, 400]);
    } finally {
      await other.$disconnect();
    }
  });

  test('are kept also when the gateways cannot be told: they ask', async () => {
    const problems: unknown[] = [];
    const sessions = store({
      broadcast: async () => {
        throw new Error('the bus is away');
      },
      onProblem: (error) => problems.push(error),
    });
    expect(await sessions.end(ends(1, 'usr_a'))).toEqual({ v: 1, full: [] });
    expect([problems.length, (await sessions.list(0)).ends.length]).toEqual([1, 1]);
  });
});
