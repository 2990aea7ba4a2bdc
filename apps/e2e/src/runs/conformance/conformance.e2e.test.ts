import { afterAll, beforeAll, expect, test } from 'vitest';
import { modernServer } from './deployments.js';
import type { Deployment } from './deployments.js';
import { runServerScenarios } from './server.js';
import { requiredScenarios, TASK_SCENARIOS } from './suite.js';
import type { Revision } from './suite.js';

let deployment: Deployment;
beforeAll(async () => {
  deployment = await modernServer();
});
afterAll(() => deployment?.close());

/** The other sets, with servers of the v1 SDK, two gateways and our own client, are in `npm run conformance`. */
test.each<[Revision, readonly string[]]>([
  ['2026-07-28', TASK_SCENARIOS],
  ['2025-11-25', []],
])(
  'every scenario the official suite requires of a server of %s passes through the gateway, and of the tasks extension (B6, R54)',
  async (revision, more) => {
    const verdicts = await runServerScenarios(deployment.system, revision);
    expect(
      [...requiredScenarios(revision, 'server'), ...more].filter(
        (scenario) => !verdicts.has(scenario) || verdicts.get(scenario) !== undefined,
      ),
    ).toEqual([]);
  },
  120_000,
);
