import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureDeploymentKeys } from '@sallyport/keys';
import { createInProcessMessaging } from '@sallyport/messaging';
import { createLogger } from '@sallyport/telemetry';
import { breakOffStart, makeScratch, removeScratch, startTestPostgres, type TestPostgres } from '@sallyport/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startControlPlane } from '../index.js';
import { testConfig } from './test-config.js';

const FILE = `kind: McpServer
name: notes
spec:
  url: https://notes.example/mcp
`;
const scratch = makeScratch('failed-control-plane');
const messaging = createInProcessMessaging();
let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(async () => {
  await messaging.close();
  await postgres?.stop();
  removeScratch(scratch);
});

test('a start that is broken off after any of its steps leaves nothing open', async () => {
  const keys = await ensureDeploymentKeys(join(scratch, 'keys'), { gateways: ['gateway-1'] });
  const declarativeFile = join(scratch, 'sallyport.yaml');
  writeFileSync(declarativeFile, FILE);
  const logger = createLogger({ name: 'control-plane', level: 'silent' });
  const starts = await breakOffStart(async (onOpened) => {
    return startControlPlane(await testConfig({ databaseUrl: postgres.url, keys }, { declarativeFile }), {
      messaging,
      logger,
      onOpened,
    });
  });
  expect(starts.map(({ step }) => step)).toEqual(
    expect.arrayContaining([
      'databases',
      'periodic work (new vault keys could not be looked for)',
      'publisher',
      'configuration',
      'periodic work (expired revocations could not be removed)',
      'periodic work (expired ends of sessions could not be removed)',
      'periodic work (old events could not be removed)',
      'periodic work (secrets that changed could not be stored yet)',
      'admission of leases',
      'periodic work (removed connections could not be revoked upstream)',
      'sums of refused leases',
      'periodic work (refused leases could not be summed up)',
      'log streams',
      'periodic work (log streams could not be served)',
      'listener',
      'periodic work (records could not be sealed with the current vault key)',
      'admission of ended sessions',
      'requests of gateways',
      'events',
      'closed',
    ]),
  );
  expect(starts.filter(({ leftOpen }) => leftOpen.length > 0)).toEqual([]);
}, 120_000);
