import { eventually } from '@sallyport/testing';
import { describe, expect, test } from 'vitest';
import { adminClient } from '../system/administrator.js';
import type { System } from '../system/system.js';

/** A deployment that works, as an administrator has it looked at. */
export function describeVerifying(system: () => System): void {
  describe('verify', () => {
    test.each([
      ['how it works', 'false'],
      ['how it is set up', 'true'],
    ] as const)('passes, of %s, and each step says what it saw (R72)', async (_what, hardening) => {
      const admin = adminClient(system());
      const services = ['authorization-server', 'control-plane', 'gateway', 'token-refresh-worker'];
      await eventually(
        async () => {
          const { replicas } = await admin.readStatus();
          const areReady = replicas.every(({ readiness }) => readiness.status === 'ready');
          return areReady && services.every((service) => replicas.some((replica) => replica.service === service));
        },
        { timeoutMs: 15_000, until: 'every process has reported that it is ready' },
      );
      const { steps } = await admin.verify({ query: { hardening } });
      expect(steps.filter(({ status }) => status === 'failed' || status === 'skipped')).toEqual([]);
      expect(steps.length).toBeGreaterThan(10);
      for (const { detail } of steps) expect(detail.length).toBeGreaterThan(0);
    });
  });
}
