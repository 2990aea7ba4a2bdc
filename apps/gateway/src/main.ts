import { readFile } from 'node:fs/promises';
import { runProcess, startHealthServer } from '@sallyport/http';
import { Secret } from '@sallyport/kernel';
import { createNatsMessaging } from '@sallyport/messaging';
import { createLogger, createMetrics } from '@sallyport/telemetry';
import { gatewayConfig, readGatewayEnvironment } from './config.js';
import { startGateway } from './start-gateway.js';

await runProcess('gateway', async ({ onClose }) => {
  const environment = readGatewayEnvironment(process.env);
  const config = gatewayConfig(environment);
  const logger = createLogger({ name: 'gateway', level: environment.SALLYPORT_LOG_LEVEL });
  const metrics = createMetrics();
  onClose('metrics', () => metrics.shutdown());

  const seedFile = environment.SALLYPORT_NATS_SEED_FILE;
  const messaging = await createNatsMessaging({
    servers: environment.NATS_URL,
    name: config.replica,
    role: 'gateway',
    ...(seedFile !== undefined && { nkeySeed: new Secret((await readFile(seedFile, 'utf8')).trim()) }),
    onProblem: (problem, error) => logger.warn({ problem, err: error }, 'bus'),
  });
  onClose('bus', () => messaging.close());

  const service = await startGateway(config, { messaging, logger, metrics });
  onClose('gateway', () => service.close());
  const health = await startHealthServer(environment.SALLYPORT_HEALTH_PORT, environment.SALLYPORT_HEALTH_HOST, [service], { metrics });
  onClose('health', () => health.close());
  logger.info({ urls: service.urls, health: health.url }, 'gateway listens');
});
