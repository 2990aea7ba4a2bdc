import { createLogger } from '@sallyport/telemetry';
import { breakOffStart, freePort } from '@sallyport/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startAuthorizationServer } from '../index.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

let deployment: TestDeployment;
beforeAll(async () => {
  deployment = await startTestDeployment();
});
afterAll(() => deployment?.close());

test('a start that is broken off after any of its steps leaves nothing open', async () => {
  const { config, messaging } = deployment;
  const logger = createLogger({ name: 'authorization-server', level: 'silent' });
  const starts = await breakOffStart(async (onOpened) =>
    startAuthorizationServer({ ...config, port: await freePort() }, { messaging, logger, onOpened }),
  );
  expect(starts.map(({ step }) => step)).toEqual(
    expect.arrayContaining([
      'database',
      'lifecycle records',
      'configuration',
      'periodic work (new vault keys could not be looked for)',
      'admission of exchanges',
      'listener',
      'periodic work (the signing keys could not be looked after)',
      'periodic work (what has expired could not be removed)',
      'periodic work (what nobody uses any more could not be ended)',
      'periodic work (sessions could not be looked after)',
      'periodic work (records could not be sealed with the current vault key)',
      'closed',
    ]),
  );
  expect(starts.filter(({ leftOpen }) => leftOpen.length > 0)).toEqual([]);
});
