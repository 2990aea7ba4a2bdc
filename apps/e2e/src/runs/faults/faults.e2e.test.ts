import { expect, test } from 'vitest';
import { refreshUnderFaults } from './refresh-under-faults.js';

test(
  'processes killed at random lose no grant but where the answer died with them, none where the provider repeats it, spend no token twice and mix up no users (B3, R39)',
  { timeout: 300_000 },
  async () => {
    const { verdicts } = await refreshUnderFaults({
      connections: 40,
      seconds: 5,
      graceSeconds: [0, 30],
      bringsPausesForward: true,
    });
    expect(verdicts.map(({ problems }) => problems)).toEqual([[], []]);
    expect(verdicts[1]?.lost).toBe(0);
    for (const { rotations, connections } of verdicts) expect(rotations).toBeGreaterThan(connections);
  },
);
