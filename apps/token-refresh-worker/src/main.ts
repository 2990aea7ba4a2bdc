import { readFileSync } from 'node:fs';
import { runProcess, startHealthServer, type RunningService } from '@sallyport/http';
import { Secret } from '@sallyport/kernel';
import { createNatsMessaging } from '@sallyport/messaging';
import { readCertificateAuthorities } from '@sallyport/safe-fetch';
import { createLogger, createMetrics } from '@sallyport/telemetry';
import { readTokenRefreshWorkerEnvironment, tokenRefreshWorkerConfig } from './config.js';
import { startTokenRefreshWorker } from './start-token-refresh-worker.js';

await runProcess('token-refresh-worker', async (scope) => {
  const environment = readTokenRefreshWorkerEnvironment();
  const logger = createLogger({ name: 'token-refresh-worker', level: environment.SALLYPORT_LOG_LEVEL });
  const metrics = createMetrics();
  scope.onClose('metrics', () => metrics.shutdown());
  const services: RunningService[] = [];
  const health = await startHealthServer(environment.SALLYPORT_HEALTH_PORT, environment.SALLYPORT_HEALTH_HOST, services, { metrics });
  scope.onClose('health', () => health.close());
  const seedFile = environment.SALLYPORT_NATS_SEED_FILE;
  const messaging = await createNatsMessaging({
    servers: environment.NATS_URL,
    name: environment.SALLYPORT_REPLICA,
    role: 'token-refresh-worker',
    ...(seedFile === undefined ? {} : { nkeySeed: new Secret(readFileSync(seedFile, 'utf8').trim()) }),
    onProblem: (problem) => logger.warn({ problem }, 'bus'),
  });
  scope.onClose('bus', () => messaging.close());
  const config = tokenRefreshWorkerConfig(environment, { databaseUrl: new Secret(environment.DATABASE_URL), extraCertificateAuthorities: readCertificateAuthorities(environment.SALLYPORT_CA_FILES) });
  const worker = await startTokenRefreshWorker(config, { messaging, logger });
  services.push(worker);
  scope.onClose(worker.name, () => worker.close());
  logger.info('refreshing');
});
