import { afterAll, beforeAll, describe } from 'vitest';
import { describeTokenNeverPassedThrough } from './a-token-is-never-passed-through.js';
import { describeConnecting } from './connecting.js';
import { describeForeignClients } from './foreign-clients.js';
import { describeRefusals } from './refusals.js';
import { describeRestart } from './restart.js';
import { describeVerifying } from './verifying.js';
import { describeWholePath } from './whole-path.js';
import { startStandalone } from '../system/start-standalone.js';
import type { System } from '../system/system.js';

describe('standalone', () => {
  let system: System;
  beforeAll(async () => {
    system = await startStandalone();
  });
  afterAll(() => system?.stop());

  describeTokenNeverPassedThrough(() => system);
  describeVerifying(() => system);
  describeWholePath(() => system);
  describeConnecting(() => system);
  describeRefusals(() => system);
  describeForeignClients(() => system);
  describeRestart(() => system);
});
