import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keepFailures, repeatCommand } from '../fuzz/keep-failures.js';
import { fuzzMcp } from './fuzz-mcp.js';
import { startFuzzedGateway } from './fuzzed-gateway.js';
import type { FuzzedGateway } from './fuzzed-gateway.js';

let fuzzed: FuzzedGateway;
beforeAll(async () => {
  fuzzed = await startFuzzedGateway();
});
afterAll(() => fuzzed?.stop());

/** Each run draws a seed and says how it is sent again; `npm run fuzz -- mcp` sends 100,000. */
test('three thousand mutated, split and truncated messages to /mcp get no server error, no silence and no answer that is not one (S10, R12)', async () => {
  const seed = randomInt(2 ** 31);
  const report = await fuzzMcp(fuzzed.gateway, { seed, first: 0, cases: 3_000, facts: () => fuzzed.facts() });
  const again = `${repeatCommand('mcp', seed, '--cases 3000')}; requests and answers: ${keepFailures('mcp', seed, report.failures)}`;
  expect(
    report.failures.map(({ index, reason }) => `${index}: ${reason}`),
    again,
  ).toEqual([]);
  expect(report.cases).toBe(3_000);
  // Not only refusals at the door: calls were answered, notifications taken, sessions ended.
  for (const status of ['200', '202', '400', '404']) expect(report.statuses[status]).toBeGreaterThan(50);
}, 180_000);
