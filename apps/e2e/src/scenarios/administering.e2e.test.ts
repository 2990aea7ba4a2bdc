import { afterAll, beforeAll, describe } from 'vitest';
import { startDistributed } from '../system/start-distributed.js';
import { startStandalone } from '../system/start-standalone.js';
import type { System } from '../system/system.js';
import { makeWorkloads } from './administered-configuration.js';
import { describeAdministering } from './administering.js';

const workloads = await makeWorkloads();
const { configure } = workloads;

describe.each([
  ['standalone', () => startStandalone({ configure })],
  ['distributed', () => startDistributed({ configure, gateways: 2 })],
] as const)('%s', (_mode, start) => {
  let system: System;
  beforeAll(async () => {
    system = await start();
  });
  afterAll(() => system?.stop());

  describeAdministering(() => system, workloads);
});
