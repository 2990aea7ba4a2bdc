import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeScratch, removeScratch } from '@sallyport/testing';
import { expect, test } from 'vitest';
import { runBench } from './run-bench.js';
import { scenarios } from './scenarios/scenarios.js';

test('the benchmark measures the deployed product beside a bare proxy, with every answer checked (B14)', async () => {
  const scratch = makeScratch('bench');
  const json = join(scratch, 'results.json');
  try {
    const failures = await runBench({
      scenarios: scenarios.filter(({ name }) => name === 'hot-modern' || name === 'hot-legacy'),
      rounds: 1,
      seconds: 1,
      smoke: false,
      subjects: ['distributed'],
      cold: false,
      json,
    });
    expect(failures).toEqual([]);
    const { summary } = JSON.parse(readFileSync(json, 'utf8')) as { summary: Record<string, Record<string, number>> };
    for (const scenario of ['hot-modern', 'hot-legacy']) {
      expect(Object.keys(summary[scenario] ?? {})).toEqual([
        'rpsRatio',
        'cpuRatio',
        'p50AddedMs',
        'p99AddedMs',
        'errors',
      ]);
      expect(summary[scenario]).toMatchObject({ errors: 0 });
      expect(summary[scenario]?.['rpsRatio']).toBeGreaterThan(0);
      expect(summary[scenario]?.['cpuRatio']).toBeGreaterThan(0);
    }
  } finally {
    removeScratch(scratch);
  }
}, 240_000);
