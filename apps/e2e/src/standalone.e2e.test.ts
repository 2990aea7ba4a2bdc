import { afterAll, beforeAll, describe } from 'vitest';
import { describeConnecting } from './scenarios/connecting.js';
import { describeForeignClients } from './scenarios/foreign-clients.js';
import { describeRefusals } from './scenarios/refusals.js';
import { describeRestart } from './scenarios/restart.js';
import { describeWholePath } from './scenarios/whole-path.js';
import { startStandalone } from './system/start-standalone.js';
import type { System } from './system/system.js';

describe('standalone', () => {
  let system: System;
  beforeAll(async () => {
    system = await startStandalone();
  });
  afterAll(() => system?.stop());

  describeWholePath(() => system);
  describeConnecting(() => system);
  describeRefusals(() => system);
  describeForeignClients(() => system);
  describeRestart(() => system);
});
