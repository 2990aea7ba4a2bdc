import { expect, test } from 'vitest';
import { refreshUnderFaults } from './faults/refresh-under-faults.js';

test('processes killed at random lose no grant but where the answer itself was lost, spend no token twice and mix up no users (B3, B4, R38, R39)', { timeout: 240_000 }, async () => {
  const report = await refreshUnderFaults({ connections: 40, seconds: 8, graceSeconds: 0, bringsPausesForward: true });
  expect(report.problems).toEqual([]);
  expect(report.rotations).toBeGreaterThan(40);
});
