import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeTokenNeverPassedThrough } from './a-token-is-never-passed-through.js';
import { describeRefusals } from './refusals.js';
import { describeWholePath } from './whole-path.js';
import { startDistributed, type DistributedSystem } from '../system/start-distributed.js';

/** What goes through the request path holds without the short-cut as with it (decision 0049). */
describe('distributed, with the short-cut off', () => {
  let system: DistributedSystem;
  beforeAll(async () => {
    system = await startDistributed({ shortcut: 'off' });
  });
  afterAll(() => system?.stop());

  describeTokenNeverPassedThrough(() => system);
  describeWholePath(() => system);
  describeRefusals(() => system);

  test('no call took it', async () => {
    const gateway = system.processes().find(({ name }) => name === 'gateway-1');
    const metrics = await (await fetch(`${gateway?.healthUrl}/metrics`)).text();
    expect(metrics).toMatch(/^sallyport_gateway_calls_total\{.*method="tools\/call".*\} [1-9]/m);
    expect(metrics).not.toMatch(/^sallyport_gateway_warm_calls_total\{.*\} [1-9]/m);
  });
});
