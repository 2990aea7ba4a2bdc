import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fakeWorld, runIn } from '../test/fake-world.js';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-stats-'));
const tokenFile = join(folder, 'token');
writeFileSync(tokenFile, 'sp_admin_secret\n');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const stat = (more: object) => ({
  ...{ calls: 2_000, perSecond: 0.023, failures: 10, denied: 0, pending: 0, p50Ms: 12, p95Ms: 310.4, p99Ms: 2_345.6 },
  ...more,
});
const answer = {
  from: '2026-11-29T00:00:00.000Z',
  to: '2026-11-30T00:00:00.000Z',
  stats: [
    stat({ server: 'notes', tool: 'get_note' }),
    stat({ server: 'notes', tool: '*', failures: 0, denied: 2_000 }),
  ],
  isCut: true,
};

/** Runs a command against a control plane that answers this, and says what it was asked. */
async function asking(...argv: string[]) {
  const asked: URL[] = [];
  const fetch: typeof globalThis.fetch = (url) => {
    asked.push(new URL(url as string));
    return Promise.resolve(Response.json(answer));
  };
  const ended = await runIn(fakeWorld({ fetch }), '--url', 'http://127.0.0.1:7402', '--token-file', tokenFile, ...argv);
  return { ...ended, asked };
}

test('calls are counted in a table of a line each, with the day before now asked for (R77)', async () => {
  const { stdout, stderr, asked } = await asking('events', 'stats', '--by', 'tool', '--limit', '2');
  const { pathname, searchParams } = asked[0] ?? new URL('http://none');
  expect(pathname).toBe('/v1/events/stats');
  const { from = '', to = '', ...rest } = Object.fromEntries(searchParams);
  expect(Date.parse(to) - Date.parse(from)).toBe(86_400_000);
  expect(rest).toEqual({ by: 'tool', limit: '2' });
  expect(stdout.trimEnd().split('\n')).toEqual([
    expect.stringMatching(/^SERVER +TOOL +CALLS +PER SECOND +FAILED +DENIED +P50 +P95 +P99$/),
    expect.stringMatching(/^notes +get_note +2000 +0\.02 +10 \(0\.5 %\) +– +12 ms +310 ms +2\.3 s$/),
    expect.stringMatching(/^notes +\(others\) +2000 +0\.02 +– +2000 \(100\.0 %\) +12 ms/),
  ]);
  expect(stderr).toContain('These are the 2 with the most calls');
});

test('programs read a line of JSON for each (R77)', async () => {
  const { stdout } = await asking('--json', 'events', 'stats', '--since', '6h', '--step', '5m');
  const lines = stdout.trimEnd().split('\n').slice(1);
  expect(lines.map((line): unknown => JSON.parse(line))).toEqual(
    answer.stats.map((value) => ({ type: 'call-stat', value })),
  );
});
