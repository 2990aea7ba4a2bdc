import { readFile } from 'node:fs/promises';
import { runProcess, startHealthServer } from '@sallyport/http';
import { Secret } from '@sallyport/kernel';
import { createNatsMessaging } from '@sallyport/messaging';
import { createLogger, createMetrics } from '@sallyport/telemetry';
import { controlPlaneConfig, declarativeFileOf, readAdminToken, readControlPlaneEnvironment } from './config.js';
import { secretVariablesOf } from './configuration/read-declarative-file.js';
import { startControlPlane } from './start-control-plane.js';

await runProcess('control-plane', async ({ onClose }) => {
  const { env } = process;
  const declarativeFile = declarativeFileOf(env);
  const secretNames = declarativeFile === undefined ? [] : await secretVariablesOf(declarativeFile);
  const environment = readControlPlaneEnvironment(env, secretNames);
  const logger = createLogger({ name: 'control-plane', level: environment.SALLYPORT_LOG_LEVEL });
  const metrics = createMetrics();
  onClose('metrics', () => metrics.shutdown());

  const seedFile = environment.SALLYPORT_NATS_SEED_FILE;
  const messaging = await createNatsMessaging({
    servers: environment.NATS_URL,
    name: environment.SALLYPORT_REPLICA,
    role: 'control-plane',
    ...(seedFile !== undefined && { nkeySeed: new Secret((await readFile(seedFile, 'utf8')).trim()) }),
    onProblem: (problem, error) => logger.warn({ problem, err: error }, 'bus'),
  });
  onClose('bus', () => messaging.close());

  const config = controlPlaneConfig(environment, {
    adminToken: readAdminToken(environment.SALLYPORT_ADMIN_TOKEN_FILE),
    secretVariables: Object.fromEntries(secretNames.map((name) => [name, env[name]])),
  });
  const service = await startControlPlane(config, { messaging, logger });
  onClose('control plane', () => service.close());
  const health = await startHealthServer(environment.SALLYPORT_HEALTH_PORT, environment.SALLYPORT_HEALTH_HOST, [service], { metrics });
  onClose('health', () => health.close());
  logger.info({ urls: service.urls, health: health.url }, 'control plane is ready');
});
