import { afterAll, beforeAll, expect, test } from 'vitest';
import { fuzzMcp } from './fuzz-mcp/fuzz-mcp.js';
import { startFuzzedGateway } from './fuzz-mcp/fuzzed-gateway.js';
import type { FuzzedGateway } from './fuzz-mcp/fuzzed-gateway.js';

let fuzzed: FuzzedGateway;
beforeAll(async () => {
  fuzzed = await startFuzzedGateway();
});
afterAll(() => fuzzed?.stop());

/** The seed is fixed so that a red run is the change's fault; `npm run fuzz -- mcp` draws a new one and sends 100,000. */
test('three thousand mutated, split and truncated messages to /mcp get no server error, no silence and no answer that is not one (S10, R12)', async () => {
  const report = await fuzzMcp(fuzzed.gateway, { seed: 20_260_728, first: 0, cases: 3_000, facts: () => fuzzed.facts() });
  expect(report.failures.map(({ index, reason }) => `${index}: ${reason}`)).toEqual([]);
  expect(report.cases).toBe(3_000);
  // Not only refusals at the door: calls were answered, notifications taken, sessions ended.
  for (const status of ['200', '202', '400', '404']) expect(report.statuses[status]).toBeGreaterThan(50);
}, 180_000);
