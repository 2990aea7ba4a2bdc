import type { EventFilter } from '@sallyport/admin-api/events';
import type { AuditEvent } from '@sallyport/audit';
import { createFakeClock } from '@sallyport/testing';
import { expect, test } from 'vitest';
import type { EventPage } from '../event-store.js';
import { NewestEvents } from './newest-events.js';
import { tailEvents, type Standing } from './tail-events.js';

const event = (n: number): AuditEvent => ({
  ...{ id: `evt_${n}`, type: n % 2 === 0 ? 'mcp.response' : 'mcp.request', at: n, replica: 'r', detail: {} },
});

/** A store whose sequences have gaps, as a conflict leaves them. */
function trail() {
  const events: EventPage['events'][number][] = [];
  const asked = { newest: 0, page: 0 };
  const newest = () => events.at(-1)?.sequence ?? 0n;
  return {
    asked,
    add: (...numbers: number[]) => numbers.forEach((n) => events.push({ sequence: BigInt(n * 10), body: event(n) })),
    store: {
      newest: () => Promise.resolve((asked.newest++, newest())),
      page: (_filter: EventFilter, { after, upTo, most }: { after: bigint; upTo: bigint; most: number }) => {
        asked.page++;
        const found = events.filter(({ sequence }) => sequence > after && sequence <= upTo).slice(0, most);
        const last = found.length === most ? (found.at(-1)?.sequence ?? upTo) : upTo;
        return Promise.resolve({ events: found, last });
      },
    },
  };
}

async function world(options: { most?: number; standing?: () => Standing } = {}) {
  const { store, add, asked } = trail();
  add(1, 2, 3);
  const onProblem = (error: unknown) => {
    throw error;
  };
  const newest = new NewestEvents({ store, onProblem, everyMs: 1, ...options });
  const [gone, stopping] = [new AbortController(), new AbortController()];
  const clock = createFakeClock();
  const tail = (from: bigint, filter: EventFilter = {}) =>
    tailEvents(filter, from, {
      newest,
      catchUp: (_filter, after, upTo) => store.page({}, { after, upTo, most: 2 }),
      standing: () => Promise.resolve(options.standing?.() ?? 'permitted'),
      clock,
      gone: gone.signal,
      stopping: stopping.signal,
      beatMs: 20,
    });
  return { add, asked, newest, watching: await newest.watch(), tail, clock, gone, stopping };
}

const idsIn = (chunk: string) => [...chunk.matchAll(/"id":"evt_(\d+)"/g)].map(([, id]) => Number(id));
/** Reads until that many events came. */
async function take(tail: AsyncGenerator<string, void>, count: number): Promise<number[]> {
  const seen: number[] = [];
  while (seen.length < count) {
    const { done, value } = await tail.next();
    if (done === true) break;
    seen.push(...idsIn(value));
  }
  return seen;
}

test('a reader gets each event once and in order: what was before, what comes, and what left the window (R77)', async () => {
  const { add, tail, newest, watching } = await world({ most: 2 });
  const slow = tail(0n);
  expect(await take(slow, 3)).toEqual([1, 2, 3]);
  const prompt = tail(30n);
  add(4);
  expect(await take(prompt, 1)).toEqual([4]);
  add(5, 6, 7, 8, 9);
  expect(await take(prompt, 5)).toEqual([5, 6, 7, 8, 9]);
  expect(newest.after(80n)?.map(({ sequence }) => sequence)).toEqual([90n]);
  expect(newest.after(30n)).toBeUndefined();
  expect(await take(slow, 6)).toEqual([4, 5, 6, 7, 8, 9]);
  watching();
});

test('a filter holds for what was, and for what comes (R77)', async () => {
  const { add, tail, watching } = await world();
  const requests = tail(30n, { type: ['mcp.request'] });
  add(4, 5, 6, 7);
  expect(await take(requests, 2)).toEqual([5, 7]);
  watching();
});

test('however many read, the store is asked once, and not at all while nobody reads', async () => {
  const { add, tail, asked, watching } = await world();
  const tails = Array.from({ length: 10 }, () => tail(30n));
  const before = asked.page;
  add(4);
  expect(await Promise.all(tails.map((one) => take(one, 1)))).toEqual(tails.map(() => [4]));
  expect(asked.page - before).toBe(1);
  watching();
  const after = asked.newest;
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(asked.newest - after).toBeLessThanOrEqual(1);
});

test('where nothing comes there are signs of life, from which a reader goes on (R77)', async () => {
  const { add, tail, clock, watching } = await world();
  const requests = tail(30n, { type: ['mcp.request'] });
  expect((await requests.next()).value).toBe(': alive\nid: 30\n\n');
  add(4);
  for (let at = ''; at !== ': alive\nid: 40\n\n';) {
    const next = requests.next();
    clock.advance(1_000);
    at = (await next).value ?? '';
    expect(at).toMatch(/^: alive\nid: (30|40)\n\n$/);
  }
  watching();
});

test('who may not read any more is told so, and gets nothing else (S4)', async () => {
  let standing: Standing = 'permitted';
  const { add, tail, clock, watching } = await world({ standing: () => standing });
  const one = tail(30n);
  add(4);
  expect(await take(one, 1)).toEqual([4]);
  standing = 'not-permitted';
  clock.advance(1_000);
  add(5);
  expect(await one.next()).toEqual({ done: false, value: 'event: end\ndata: {"reason":"not-permitted"}\n\n' });
  expect(await one.next()).toEqual({ done: true, value: undefined });
  watching();
});

test('a tail ends with its reader, and with the service, which says so', async () => {
  const { tail, gone, stopping, watching } = await world();
  const [left, ended] = [tail(30n), tail(30n)];
  await Promise.all([left.next(), ended.next()]);
  const [next, last] = [left.next(), ended.next()];
  stopping.abort();
  expect((await last).value).toBe('event: end\ndata: {"reason":"stopping"}\n\n');
  gone.abort();
  await next;
  expect((await left.next()).done).toBe(true);
  watching();
});
