import { AdministratorRole } from '@sallyport/configuration';
import { demoConfiguration } from '@sallyport/demo';
import { makeScratch, removeScratch } from '@sallyport/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { signIn } from '../../agents/sign-in.js';
import { adminClient } from '../../system/administrator.js';
import { RolePipelines } from '../../system/role-pipelines.js';
import { startStandalone } from '../../system/start-standalone.js';
import type { System } from '../../system/system.js';
import type { Asker } from './judge-answer.js';
import { knownNames } from './known-names.js';
import { walkApi } from './walk-api.js';
import { walkSeed } from './walk-seed.js';

let scratch: string;
let system: System;
let pipelines: RolePipelines;
beforeAll(async () => {
  scratch = makeScratch('api-walk');
  pipelines = new RolePipelines(scratch);
  system = await startStandalone({
    logLevel: 'error',
    configure: (demo) => `${pipelines.documents}${demoConfiguration(demo)}`,
  });
});
afterAll(async () => {
  await system?.stop();
  removeScratch(scratch);
});

async function everybody(): Promise<readonly Asker[]> {
  const tokens = await pipelines.tokens(system);
  const { accessToken } = await signIn(system);
  return [
    ...AdministratorRole.options.map((role) => ({ name: role, role, token: tokens.get(role) })),
    { name: 'the token file', role: 'owner', token: system.adminToken },
    { name: 'nobody', role: undefined, token: undefined },
    { name: 'an agent of the gateway', role: undefined, token: accessToken },
  ];
}

test('every operation answers everybody as the API describes itself, whatever is sent (R70, S29)', async () => {
  const seed = walkSeed();
  const askers = await everybody();
  const known = knownNames(await adminClient(system).readConfiguration());
  const requests = { ofPermitted: 30, ofOthers: 4 };
  const report = await walkApi({ url: system.controlPlaneUrl, askers, known, seed, requests });
  expect(report.failures, `API_WALK_SEED=${seed}\n${report.failures.join('\n\n')}`).toEqual([]);
  expect(report.cells).toBeGreaterThan(askers.length * 20);
  // Not only refusals at the door.
  for (const status of ['200', '400', '401', '403', '404'])
    expect([status, (report.statuses[status] ?? 0) > 10]).toEqual([status, true]);
}, 300_000);
