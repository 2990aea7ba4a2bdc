import { ConfigurationReplica } from '@sallyport/configuration';
import { connectDatabase } from '@sallyport/database';
import { RecordNumbers, systemClock, type Clock } from '@sallyport/kernel';
import { loadVerifyingKey } from '@sallyport/keys';
import type { LifecycleRecord } from '@sallyport/messages';
import type { Messaging } from '@sallyport/messaging';
import {
  configurationReadiness,
  degraded,
  observeConfiguration,
  reportReplica,
  startService,
  type RunningService,
  type ServiceScope,
  type ServiceStart,
} from '@sallyport/process';
import { createQueueBackend, type QueueBackend } from '@sallyport/queue';
import { inSpan } from '@sallyport/telemetry';
import type { Logger, Metrics, Tracer } from '@sallyport/telemetry';
import { openVault, VAULT_LOOK_MS } from '@sallyport/vault';
import type { TokenRefreshWorkerConfig } from './config.js';
import { createJobContext } from './create-job-context.js';
import { measureProviders } from './measure-providers.js';
import { stampEvent } from '@sallyport/trail';
import { RecordBacklog } from './record-backlog.js';
import {
  enqueueDueConnections,
  refreshDueConnection,
  type RefreshJob,
  type RefreshJobContext,
} from './refresh-due-connections.js';

export interface TokenRefreshWorkerAdapters extends ServiceStart {
  readonly messaging: Messaging;
  readonly metrics?: Metrics;
  /** Absent where traces are off. */
  readonly tracer?: Tracer | undefined;
  readonly clock?: Clock;
  readonly random?: () => number;
}

const TICK_QUEUE = 'connection-refresh-tick';
const REFRESH_QUEUE = 'connection-refresh';
/** Of all providers together; each has a share of its own (`refresh.concurrency`). */
const CONCURRENCY = 10;
const TICK_INTERVAL_MS = 5_000;
/** In intervals: how soon ticks go on after the queue lost everything. */
const RESCHEDULE_EVERY = 2;
const RESCHEDULE_AT_LEAST_MS = 2_000;
const DATABASE_CONNECTIONS = 5;
const LAST_RECORDS_MS = 2_000;
/** How long a problem of the queue is worth a word. */
const PROBLEM_MS = 30_000;

interface Foundation extends TokenRefreshWorkerAdapters {
  readonly config: TokenRefreshWorkerConfig;
  readonly scope: ServiceScope;
  readonly clock: Clock;
}

/**
 * Refreshes what is due, in any number of replicas: ticks are shared, and each connection is fenced. Listens nowhere.
 * The database must be migrated. Closing leaves `messaging` open: who made it closes it.
 * @throws SallyportError `key_unreadable`, `key_invalid`, …: one clear line each
 */
export function startTokenRefreshWorker(
  config: TokenRefreshWorkerConfig,
  adapters: TokenRefreshWorkerAdapters,
): Promise<RunningService> {
  return startService('token-refresh-worker', adapters, async (scope) => {
    const { messaging, logger, metrics, clock = systemClock, random = Math.random } = adapters;
    const foundation: Foundation = { ...adapters, config, scope, clock };
    const { publicKey } = await loadVerifyingKey(config.configurationVerifyKeyFile);

    const database = connectDatabase(config.databaseUrl.reveal(), DATABASE_CONNECTIONS);
    scope.onClose('database', () => database.$disconnect());
    const vault = await openVault(config, { database, clock, onProblem: (what, err) => logger.warn({ err }, what) });
    scope.every(VAULT_LOOK_MS, () => vault.look(), 'new vault keys could not be looked for');
    const configuration = openConfiguration(foundation, publicKey);
    const record = openRecords(foundation);
    const parts = { ...adapters, config, clock, random, database, vault, configuration, record };
    const context = createJobContext(parts);
    if (metrics) measureProviders(metrics, context.providerHealth);
    const isQueueFailing = openQueues(foundation, configuration, context);
    await configuration.start();
    const faults = () => (isQueueFailing() ? ['queue-unreachable' as const] : []);
    const { replica } = config;
    const role = 'token-refresh-worker';
    reportReplica(scope, { messaging, role, replica, configuration, clock, faults });
    observeConfiguration(metrics, { role, configuration, messaging, clock });
    return {};
  });
}

function openConfiguration(
  { config, messaging, logger, clock, scope }: Foundation,
  verifyKey: ConstructorParameters<typeof ConfigurationReplica>[0]['verifyKey'],
): ConfigurationReplica {
  const configuration = new ConfigurationReplica({
    log: messaging.configuration,
    verifyKey,
    clock,
    stalenessBoundMs: config.stalenessBoundMs,
    onProblem: (problem) => logger.warn({ problem: problem.type }, 'configuration log'),
  });
  scope.onClose('configuration', () => configuration.stop());
  scope.readiness(() => configurationReadiness(configuration.state()));
  scope.readiness(() => degraded(!messaging.connected() && 'the bus is not connected'));
  return configuration;
}

/** @returns what records a change; the record waits here until the event stream takes it */
function openRecords({ config, messaging, logger, clock, scope }: Foundation): RefreshJobContext['record'] {
  const records = new RecordBacklog<LifecycleRecord>({
    publish: (batch) => messaging.events.publish(config.replica, batch),
    onProblem: (problem, err) => logger.warn({ err, problem }, 'lifecycle records'),
  });
  scope.onClose('lifecycle records', () => records.close(LAST_RECORDS_MS));
  const writer = { replica: config.replica, clock, numbers: new RecordNumbers(config.replica) };
  return async (event) => records.add(stampEvent(event, writer));
}

/**
 * Ticks, which find what is due, and the jobs they make. Neither runs while the configuration cannot be trusted.
 * @returns whether the queue does not answer
 */
function openQueues(
  foundation: Foundation,
  configuration: ConfigurationReplica,
  context: RefreshJobContext,
): () => boolean {
  const { config, logger, tracer, scope } = foundation;
  const intervalMs = config.tickIntervalMs ?? TICK_INTERVAL_MS;
  const { jobs, isFailing } = openJobs(foundation);
  const [ticks, queue] = [jobs.queue<null>(TICK_QUEUE), jobs.queue<RefreshJob>(REFRESH_QUEUE)];
  scope.onClose(
    'queues',
    () => ticks.close(),
    () => queue.close(),
  );
  const guarded = guardedBy(logger);
  const whenUsable = <T>(run: () => Promise<T>): Promise<T | undefined> => {
    const { ready, stale } = configuration.state();
    return ready && !stale ? run() : Promise.resolve(undefined);
  };
  const tick = async () => void (await enqueueDueConnections({ ...context, queue, intervalMs, tracer }));
  const workers = [
    jobs.work<null>(TICK_QUEUE, () => whenUsable(() => guarded('due connections could not be listed', tick)), {
      concurrency: 1,
    }),
    jobs.work<RefreshJob>(
      REFRESH_QUEUE,
      (job) => {
        const span = { name: 'refresh due connection', kind: 'server', parent: job.traceparent } as const;
        const refresh = () => inSpan(tracer, span, () => refreshDueConnection(job, context));
        return whenUsable(() => guarded('a connection could not be refreshed', refresh));
      },
      { concurrency: CONCURRENCY },
    ),
  ];
  scope.onClose('workers', ...workers.map((worker) => () => worker.close()));

  // Not awaited, and said again now and then: a queue that is down, or comes back empty, holds nobody up.
  const notScheduled = 'the tick could not be scheduled';
  const scheduleTicks = () => void guarded(notScheduled, () => ticks.repeat('due', intervalMs, null));
  scope.every(Math.max(RESCHEDULE_AT_LEAST_MS, RESCHEDULE_EVERY * intervalMs), scheduleTicks, notScheduled);
  scheduleTicks();
  return isFailing;
}

function openJobs({ config, logger, clock, scope }: Foundation): { jobs: QueueBackend; isFailing: () => boolean } {
  let problemAt = Number.NEGATIVE_INFINITY;
  const isFailing = () => clock() - problemAt < PROBLEM_MS;
  scope.readiness(() => degraded(isFailing() && 'the job queue does not answer'));
  const jobs = createQueueBackend({
    ...config.queue,
    onProblem: (err) => {
      if (clock() - problemAt > PROBLEM_MS) logger.warn({ err }, 'job queue');
      problemAt = clock();
    },
  });
  return { jobs, isFailing };
}

/** A job that fails is logged, and made again by a later tick. */
const guardedBy =
  (logger: Logger) =>
  async <T>(failure: string, run: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await run();
    } catch (err) {
      logger.error({ err }, failure);
      return undefined;
    }
  };
