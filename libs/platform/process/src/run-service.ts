import { createNatsMessaging, readNkeySeed } from '@sallyport/messaging';
import type { BusRole, Messaging } from '@sallyport/messaging';
import { announceProxy, proxyOf } from '@sallyport/safe-fetch';
import { createLogger, createMetrics } from '@sallyport/telemetry';
import type { Logger, Metrics } from '@sallyport/telemetry';
import { startHealthServer } from './health-server.js';
import type { ProcessEnvironment } from './process-variables.js';
import { runProcess } from './run-process.js';
import type { RunningService } from './running-service.js';

export interface ServiceAdapters {
  readonly messaging: Messaging;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * The body of a service's `main.ts` in distributed mode: environment, logger, metrics, health (which says "starting"
 * until the service runs), the bus, the service. Ends as `runProcess` says: in reverse order, one line for a failed
 * start.
 * @param role also the name the process has in its log
 */
export async function runService<Environment extends ProcessEnvironment>(
  role: BusRole,
  readEnvironment: () => Environment | Promise<Environment>,
  start: (environment: Environment, adapters: ServiceAdapters) => Promise<RunningService>,
): Promise<void> {
  await runProcess(role, async ({ onClose }) => {
    const environment = await readEnvironment();
    const logger = createLogger({ name: role, level: environment.SALLYPORT_LOG_LEVEL });
    announceProxy(proxyOf(environment), logger);
    const metrics = createMetrics();
    onClose('metrics', () => metrics.shutdown());
    const services: RunningService[] = [];
    const health = await startHealthServer(
      environment.SALLYPORT_HEALTH_PORT,
      environment.SALLYPORT_HEALTH_HOST,
      services,
      { metrics, logger, names: environment.SALLYPORT_HEALTH_NAMES },
    );
    onClose('health', () => health.close());

    const seedFile = environment.SALLYPORT_NATS_SEED_FILE;
    const messaging = await createNatsMessaging({
      servers: environment.NATS_URL,
      name: environment.SALLYPORT_REPLICA,
      role,
      ...(seedFile === undefined ? {} : { nkeySeed: await readNkeySeed(seedFile) }),
      onProblem: (problem, err) => logger.warn({ problem, err }, 'bus'),
    });
    onClose('bus', () => messaging.close());

    const service = await start(environment, { messaging, logger, metrics });
    services.push(service);
    onClose(service.name, () => service.close());
    logger.info({ urls: service.urls, health: health.url }, 'running');
  });
}
