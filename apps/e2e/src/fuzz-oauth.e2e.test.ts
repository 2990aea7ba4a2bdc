import { afterAll, beforeAll, expect, test } from 'vitest';
import { fuzzOauth } from './fuzz/fuzz-oauth.js';
import { signIn } from './fuzz/sign-in.js';
import { startStandalone } from './system/start-standalone.js';
import type { System } from './system/system.js';

let system: System;
beforeAll(async () => {
  system = await startStandalone({ logLevel: 'fatal' });
});
afterAll(() => system?.stop());

/** The seed is fixed so that a red run is the change's fault; `npm run fuzz -- oauth` draws a new one and sends 100,000. */
test('three thousand mutated requests get no server error, no silence, no foreign redirect and no stack trace (S19)', async () => {
  const report = await fuzzOauth({ seed: 20_260_728, first: 0, cases: 3_000, facts: () => signIn(system) });
  expect(report.failures).toEqual([]);
  expect(report.cases).toBe(3_000);
  // Not only refusals at the door: pages, tokens and registrations were reached.
  for (const status of ['200', '201', '303']) expect(report.statuses[status]).toBeGreaterThan(20);
}, 180_000);
