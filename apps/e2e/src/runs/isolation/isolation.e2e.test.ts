import { expect, test } from 'vitest';
import { isolationUnderLoad } from './isolation-under-load.js';

test(
  "no call carries somebody else's credential and no answer reaches somebody else, while credentials are replaced under load (R49, S20)",
  { timeout: 120_000 },
  async () => {
    const report = await isolationUnderLoad({ users: 12, servers: 4, calls: 3_000 });
    expect(report.problems).toEqual([]);
    expect(report.unanswered).toBeLessThan(report.calls / 20);
    expect(Math.min(report.lists, report.refreshes)).toBeGreaterThan(10);
  },
);
