import { afterAll, beforeAll, describe } from 'vitest';
import { describeTokenNeverPassedThrough } from './a-token-is-never-passed-through.js';
import { describeConnecting } from './connecting.js';
import { describeEventsAsDocumented } from './events-as-documented.js';
import { describeNothingInClear } from './nothing-in-clear.js';
import { describeRefusals } from './refusals.js';
import { describeRestart } from './restart.js';
import { describeStolenBusIdentity } from './stolen-bus-identity.js';
import { describeVerifying } from './verifying.js';
import { describeWholePath } from './whole-path.js';
import { startDistributed, type DistributedSystem } from '../system/start-distributed.js';

describe('distributed', () => {
  let system: DistributedSystem;
  beforeAll(async () => {
    system = await startDistributed();
  });
  afterAll(() => system?.stop());

  describeTokenNeverPassedThrough(() => system);
  describeVerifying(() => system);
  describeWholePath(() => system);
  describeConnecting(() => system);
  describeRefusals(() => system);
  describeNothingInClear(() => system);
  describeEventsAsDocumented(() => system);
  describeStolenBusIdentity(() => system);
  describeRestart(() => system);
});
