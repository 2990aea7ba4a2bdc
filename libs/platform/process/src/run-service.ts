import { createNatsMessaging, readNkeySeed, traceRequests } from '@sallyport/messaging';
import type { BusRole, Messaging } from '@sallyport/messaging';
import { gatewayAddress } from '@sallyport/messages';
import { announceProxy, proxyOf } from '@sallyport/safe-fetch';
import { createLogger, createMetrics, createTracer } from '@sallyport/telemetry';
import type { Logger, Metrics, Tracer } from '@sallyport/telemetry';
import { startHealthServer } from './health-server.js';
import type { ProcessEnvironment } from './process-variables.js';
import { runProcess, startFailure, type ProcessScope } from './run-process.js';
import type { RunningService } from './running-service.js';
import { superviseWorkers } from './workers/supervise-workers.js';
import { answerSupervisor, forkWorker, report, workerNumber } from './workers/worker-process.js';

export interface ServiceAdapters {
  readonly messaging: Messaging;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Absent where traces are off. */
  readonly tracer: Tracer | undefined;
  /** The number of the worker that this process is, from 1. Undefined where one process is the whole replica. */
  readonly worker: number | undefined;
}

/** A service, as its `main.ts` describes it. */
interface Service<Environment> {
  readonly role: BusRole;
  readonly readEnvironment: () => Environment | Promise<Environment>;
  readonly start: (environment: Environment, adapters: ServiceAdapters) => Promise<RunningService>;
}

/**
 * The body of a service's `main.ts` in distributed mode: environment, logger, metrics, health (which says "starting"
 * until the service runs), the bus, the service. Ends as `runProcess` says: in reverse order, one line for a failed
 * start.
 * @param role also the name the process has in its log
 * @param options.workersOf how many processes the replica is to be; 1 by default. With more, this process opens nothing
 * but the health port: it forks itself that often, and each worker runs the service (`superviseWorkers`).
 */
export async function runService<Environment extends ProcessEnvironment>(
  role: BusRole,
  readEnvironment: () => Environment | Promise<Environment>,
  start: (environment: Environment, adapters: ServiceAdapters) => Promise<RunningService>,
  { workersOf = () => 1 }: { readonly workersOf?: (environment: Environment) => number } = {},
): Promise<void> {
  const service = { role, readEnvironment, start };
  const worker = workerNumber();
  await runProcess(role, async (scope) => {
    if (worker !== undefined) return await runWorker(service, worker, scope);
    const environment = await readEnvironment();
    const count = workersOf(environment);
    if (count > 1) await runWorkers(role, environment, count, scope);
    else await runAlone(service, environment, scope);
  });
}

async function runAlone<Environment extends ProcessEnvironment>(
  service: Service<Environment>,
  environment: Environment,
  scope: ProcessScope,
): Promise<void> {
  const logger = loggerOf(service.role, environment);
  announceProxy(proxyOf(environment), logger);
  const metrics = createMetrics();
  scope.onClose('metrics', () => metrics.shutdown());
  const services: RunningService[] = [];
  const health = await openHealth(environment, services, { metrics, logger }, scope);
  const { urls } = await openService(service, environment, { logger, metrics, worker: undefined, services }, scope);
  logger.info({ urls, health }, 'running');
}

/** The supervisor: accepts connections and answers for its workers, and holds no key and no connection to the bus. */
async function runWorkers(
  role: BusRole,
  environment: ProcessEnvironment,
  count: number,
  { onClose }: ProcessScope,
): Promise<void> {
  const logger = loggerOf(role, environment);
  announceProxy(proxyOf(environment), logger);
  const metrics = createMetrics();
  onClose('metrics', () => metrics.shutdown());
  const { workers, exposition, start, stop } = superviseWorkers(count, { fork: forkWorker, logger, metrics });
  const subjects = workers.map((worker) => ({
    name: `${role} worker ${worker.number}`,
    readiness: () => worker.readiness(),
  }));
  const health = await openHealth(environment, subjects, { metrics: { ...metrics, exposition }, logger }, { onClose });
  onClose('workers', stop);
  await start();
  logger.info({ workers: count, health }, 'running');
}

async function runWorker<Environment extends ProcessEnvironment>(
  service: Service<Environment>,
  worker: number,
  scope: ProcessScope,
): Promise<void> {
  try {
    const environment = await service.readEnvironment();
    const logger = loggerOf(service.role, environment).child({ worker });
    const metrics = createMetrics();
    scope.onClose('metrics', () => metrics.shutdown());
    const services: RunningService[] = [];
    answerSupervisor(services, metrics);
    const { urls } = await openService(service, environment, { logger, metrics, worker, services }, scope);
    logger.info({ urls }, 'worker running');
    report({ type: 'running' });
  } catch (error) {
    report({ type: 'failed', why: startFailure(error) });
    throw error;
  }
}

/** The bus and the service on it. */
async function openService<Environment extends ProcessEnvironment>(
  { role, start }: Service<Environment>,
  environment: Environment,
  {
    logger,
    metrics,
    worker,
    services,
  }: Omit<ServiceAdapters, 'messaging' | 'tracer'> & { readonly services: RunningService[] },
  { onClose }: ProcessScope,
): Promise<RunningService> {
  const { SALLYPORT_REPLICA: replica, SALLYPORT_NATS_SEED_FILE: seedFile } = environment;
  const tracer = createTracer(role);
  const bus = await createNatsMessaging({
    servers: environment.NATS_URL,
    name: replica,
    role,
    address: gatewayAddress(replica, worker),
    ...(seedFile === undefined ? {} : { nkeySeed: await readNkeySeed(seedFile) }),
    onProblem: (problem, err) => logger.warn({ problem, err }, 'bus'),
  });
  onClose('bus', () => bus.close());
  const messaging = traceRequests(bus, tracer);
  const service = await start(environment, { messaging, logger, metrics, tracer, worker });
  services.push(service);
  onClose(service.name, () => service.close());
  return service;
}

const loggerOf = (role: BusRole, { SALLYPORT_LOG_LEVEL: level }: ProcessEnvironment): Logger =>
  createLogger({ name: role, level });

/** @returns the URL */
async function openHealth(
  environment: ProcessEnvironment,
  subjects: Parameters<typeof startHealthServer>[2],
  { metrics, logger }: { readonly metrics: Metrics; readonly logger: Logger },
  { onClose }: Pick<ProcessScope, 'onClose'>,
): Promise<string> {
  const { SALLYPORT_HEALTH_PORT: port, SALLYPORT_HEALTH_HOST: host, SALLYPORT_HEALTH_NAMES: names } = environment;
  const health = await startHealthServer(port, host, subjects, { metrics, logger, names });
  onClose('health', () => health.close());
  return health.url;
}
