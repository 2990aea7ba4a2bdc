import type { ScriptedRequest } from '@sallyport/testing/servers';
import { afterEach, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import { startScriptedWorld } from './world/scripted-world.js';
import type { ScriptedWorld } from './world/scripted-world.js';

let world: ScriptedWorld<'long'> | undefined;
afterEach(() => world?.close());

const tool = (number: number) => `{"name":"t${number}","inputSchema":{"type":"object"}}`;
/** Tools from one number on, on the page after a cursor. */
type Pages = (page: number) => { readonly from: number; readonly count: number; readonly next?: string };

/** A server whose pages are told by the test, and may become others; the cursor is the number of the page. */
async function listing(of: { pages: Pages }) {
  const started = await startScriptedWorld(
    {
      long: {
        era: 'modern',
        instead: (request: ScriptedRequest) => {
          if (request.method !== 'tools/list') return undefined;
          const cursor = request.params['cursor'];
          const { from, count, next } = of.pages(typeof cursor === 'string' ? Number(cursor) : 1);
          const tools = Array.from({ length: count }, (_, index) => tool(from + index)).join(',');
          return {
            status: 200,
            body: `{"jsonrpc":"2.0","id":${JSON.stringify(request.id)},"result":{"resultType":"complete","ttlMs":1000,"cacheScope":"private","tools":[${tools}]${next === undefined ? '' : `,"nextCursor":"${next}"`}}}`,
          };
        },
      },
    },
    { overrides: { listTimeoutMs: 20_000, stalenessBoundMs: 600_000, listPageLength: 16 * 1024 * 1024 } },
  );
  world = started;
  const list = async () => {
    const result = (await postByHand(started.url, started.someone, modernRequest('tools/list'))).json?.result as
      | { tools: unknown[]; _meta?: Record<string, unknown> }
      | undefined;
    return [result?.tools.length, result?._meta?.['sallyport/leftOut']];
  };
  const lines = () =>
    started
      .log()
      .split('\n')
      .filter((line) => line.includes('read to its end'));
  return { list, lines, clock: started.clock };
}
const after = (page: number, count: number, last: number) => ({
  from: (page - 1) * count,
  count,
  ...(page === last ? {} : { next: String(page + 1) }),
});

test('a list of more than 100 pages is marked as cut, and a line says so when it begins and when it is over (B21, B32)', async () => {
  const of: { pages: Pages } = { pages: (page) => after(page, 1, 150) };
  const { list, lines, clock } = await listing(of);
  const cut = [{ server: 'long', reason: 'too-many-pages' }];
  expect(await list()).toEqual([100, cut]);
  clock.aheadMs += 2_000;
  expect(await list()).toEqual([100, cut]);
  expect(lines()).toHaveLength(1);
  expect(lines()[0]).toMatch(
    /"level":"warn".*"server":"long","list":"tools","reason":"too-many-pages","entries":100.*is not read to its end/,
  );
  of.pages = (page) => after(page, 1, 100);
  clock.aheadMs += 2_000;
  expect(await list()).toEqual([100, undefined]);
  expect(lines()).toHaveLength(2);
  expect(lines()[1]).toMatch(/"level":"info".*"server":"long".*is read to its end again/);
});

test.each([
  ['5,001 entries on one page', () => ({ from: 0, count: 5_001 }), 5_000, 'too-many-entries'],
  ['5,000 entries and another page', (page: number) => after(page, 2_500, 3), 5_000, 'too-many-entries'],
  ['a cursor that leads to itself', (page: number) => ({ ...after(page, 1, 9), next: '2' }), 2, 'repeated-cursor'],
] as const)('so is one with %s (B21)', async (_what, pages, count, reason) => {
  expect(await (await listing({ pages })).list()).toEqual([count, [{ server: 'long', reason }]]);
});

test.each([
  ['5,000 entries', (page: number) => after(page, 2_500, 2), 5_000],
  ['100 pages', (page: number) => after(page, 1, 100), 100],
] as const)('a list of %s is whole', async (_what, pages, count) => {
  const { list, lines } = await listing({ pages });
  expect([await list(), lines()]).toEqual([[count, undefined], []]);
});
