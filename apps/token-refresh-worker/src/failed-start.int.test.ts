import { join } from 'node:path';
import { Secret } from '@sallyport/kernel';
import { ensureDeploymentKeys, type DeploymentKeyFiles } from '@sallyport/keys';
import { createInProcessMessaging } from '@sallyport/messaging';
import { createLogger } from '@sallyport/telemetry';
import {
  breakOffStart,
  makeScratch,
  removeScratch,
  startTestPostgres,
  startTestRedis,
  type TestPostgres,
  type TestRedis,
} from '@sallyport/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTokenRefreshWorker } from './index.js';

const scratch = makeScratch('failed-worker');
const messaging = createInProcessMessaging();
const logger = createLogger({ name: 'token-refresh-worker', level: 'silent' });
let postgres: TestPostgres;
let redis: TestRedis;
let keys: DeploymentKeyFiles;
beforeAll(async () => {
  [postgres, redis] = await Promise.all([startTestPostgres(), startTestRedis()]);
  keys = await ensureDeploymentKeys(join(scratch, 'keys'), { gateways: [] });
});
afterAll(async () => {
  await messaging.close();
  await postgres?.stop();
  await redis?.stop();
  removeScratch(scratch);
});

test.each(['postgres', 'redis'] as const)(
  'a start on a queue of %s that is broken off after any of its steps leaves nothing open',
  async (kind) => {
    const queue = kind === 'postgres' ? { kind, databaseUrl: postgres.url } : { kind, redisUrl: redis.url };
    const starts = await breakOffStart((onOpened) =>
      startTokenRefreshWorker(
        {
          databaseUrl: new Secret(postgres.url),
          queue,
          masterKeyFile: keys.master,
          configurationVerifyKeyFile: keys.configurationSigningPublic,
          replica: 'worker-1',
          stalenessBoundMs: 300_000,
          extraCertificateAuthorities: [],
        },
        { messaging, logger, onOpened },
      ),
    );
    expect(starts.map(({ step }) => step)).toEqual(
      expect.arrayContaining([
        'database',
        'periodic work (new vault keys could not be looked for)',
        'configuration',
        'lifecycle records',
        'queues',
        'workers',
        'periodic work (the tick could not be scheduled)',
        'closed',
      ]),
    );
    expect(starts.filter(({ leftOpen }) => leftOpen.length > 0)).toEqual([]);
  },
);
