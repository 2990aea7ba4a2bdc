import { afterAll, beforeAll, describe } from 'vitest';
import { describeConnecting } from './scenarios/connecting.js';
import { describeRefusals } from './scenarios/refusals.js';
import { describeRestart } from './scenarios/restart.js';
import { describeStolenBusIdentity } from './scenarios/stolen-bus-identity.js';
import { describeWholePath } from './scenarios/whole-path.js';
import { startDistributed } from './system/start-distributed.js';
import type { System } from './system/system.js';

describe('distributed', () => {
  let system: System;
  beforeAll(async () => {
    system = await startDistributed();
  });
  afterAll(() => system?.stop());

  describeWholePath(() => system);
  describeConnecting(() => system);
  describeRefusals(() => system);
  describeStolenBusIdentity(() => system);
  describeRestart(() => system);
});
