import { readFile } from 'node:fs/promises';
import { runProcess, startHealthServer } from '@sallyport/http';
import { Secret } from '@sallyport/kernel';
import { createNatsMessaging } from '@sallyport/messaging';
import { createLogger, createMetrics } from '@sallyport/telemetry';
import { authorizationServerConfig, readAuthorizationServerEnvironment } from './config.js';
import { startAuthorizationServer } from './start-authorization-server.js';

await runProcess('authorization-server', async ({ onClose }) => {
  const environment = readAuthorizationServerEnvironment(process.env);
  const config = authorizationServerConfig(environment);
  const logger = createLogger({ name: 'authorization-server', level: environment.SALLYPORT_LOG_LEVEL });
  const metrics = createMetrics();
  onClose('metrics', () => metrics.shutdown());

  const seedFile = environment.SALLYPORT_NATS_SEED_FILE;
  const messaging = await createNatsMessaging({
    servers: environment.NATS_URL,
    name: config.replica,
    role: 'authorization-server',
    ...(seedFile === undefined ? {} : { nkeySeed: new Secret((await readFile(seedFile, 'utf8')).trim()) }),
    onProblem: (problem, err) => logger.warn({ problem, err }, 'bus'),
  });
  onClose('bus', () => messaging.close());

  const service = await startAuthorizationServer(config, { messaging, logger });
  onClose('authorization server', () => service.close());
  const health = await startHealthServer(environment.SALLYPORT_HEALTH_PORT, environment.SALLYPORT_HEALTH_HOST, [service], { metrics });
  onClose('health', () => health.close());
  logger.info({ urls: service.urls, health: health.url }, 'authorization server is listening');
});
