import { expect, test } from 'vitest';
import { isolationUnderLoad } from './isolation/isolation-under-load.js';

test(
  "no call carries somebody else's credential and no answer reaches somebody else, while credentials are replaced under load (R34, R44, R49, S14, S20)",
  { timeout: 120_000 },
  async () => {
    const report = await isolationUnderLoad({ users: 12, servers: 4, calls: 3_000 });
    expect(report.problems).toEqual([]);
    expect(report.unanswered).toBeLessThan(report.calls / 20);
    expect(Math.min(report.lists, report.refreshes)).toBeGreaterThan(10);
  },
);
