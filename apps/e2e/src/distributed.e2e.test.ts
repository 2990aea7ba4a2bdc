import { afterAll, beforeAll, describe } from 'vitest';
import { describeConnecting } from './scenarios/connecting.js';
import { describeNothingInClear } from './scenarios/nothing-in-clear.js';
import { describeRefusals } from './scenarios/refusals.js';
import { describeRestart } from './scenarios/restart.js';
import { describeStolenBusIdentity } from './scenarios/stolen-bus-identity.js';
import { describeWholePath } from './scenarios/whole-path.js';
import { startDistributed, type DistributedSystem } from './system/start-distributed.js';

describe('distributed', () => {
  let system: DistributedSystem;
  beforeAll(async () => {
    system = await startDistributed();
  });
  afterAll(() => system?.stop());

  describeWholePath(() => system);
  describeConnecting(() => system);
  describeRefusals(() => system);
  describeNothingInClear(() => system);
  describeStolenBusIdentity(() => system);
  describeRestart(() => system);
});
