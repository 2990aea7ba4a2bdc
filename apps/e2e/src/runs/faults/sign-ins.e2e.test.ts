import { expect, test } from 'vitest';
import { signInsUnderFaults } from './sign-ins-under-faults.js';

test(
  'authorization servers killed at random, and identity providers that lose answers and keys, sign out nobody who may come in, and everybody who left (R84, B3, B4)',
  { timeout: 300_000 },
  async () => {
    const { verdicts, refreshes } = await signInsUnderFaults({
      people: 16,
      seconds: 8,
      graceSeconds: [0, 30],
      toleratedSeconds: 12,
      seed: Date.now() % 2 ** 31,
    });
    expect(verdicts.map(({ problems }) => problems)).toEqual([[], []]);
    expect(refreshes).toBeGreaterThan(0);
    for (const { rotations, signIns, dismissed } of verdicts) {
      expect(rotations).toBeGreaterThan(signIns);
      expect(dismissed).toBeGreaterThan(0);
    }
  },
);
