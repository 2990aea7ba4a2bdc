import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigurationReplica } from '@sallyport/configuration';
import { createClientLookup, PostgresConnectionStore, PostgresProviderStandings } from '@sallyport/connection-store';
import { configuredTarget, describeProviderChange } from '@sallyport/credential';
import { connectDatabase } from '@sallyport/database';
import type { Readiness, RunningService } from '@sallyport/http';
import { newId, systemClock, type Clock } from '@sallyport/kernel';
import { loadVerifyingKey } from '@sallyport/keys';
import { subjects, type LifecycleRecord } from '@sallyport/messages';
import type { Messaging } from '@sallyport/messaging';
import { createQueueBackend } from '@sallyport/queue';
import { createSafeFetch } from '@sallyport/safe-fetch';
import type { Logger, Metrics } from '@sallyport/telemetry';
import { openVault } from '@sallyport/vault';
import type { TokenRefreshWorkerConfig } from './config.js';
import { measureProviders } from './measure-providers.js';
import { RecordBacklog } from './record-backlog.js';
import { ProviderSlots } from './provider-slots.js';
import {
  enqueueDueConnections,
  refreshDueConnection,
  type RefreshJob,
  type RefreshJobContext,
} from './refresh-due-connections.js';

export interface TokenRefreshWorkerAdapters {
  readonly messaging: Messaging;
  readonly logger: Logger;
  readonly metrics?: Metrics;
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

/**
 * Refreshes what is due, in any number of replicas: ticks are shared, and each connection is fenced. Listens nowhere.
 * The database must be migrated. Closing leaves `messaging` open: who made it closes it.
 * @throws SallyportError `key_unreadable`, `key_invalid`, …: one clear line each
 */
export async function startTokenRefreshWorker(
  config: TokenRefreshWorkerConfig,
  adapters: TokenRefreshWorkerAdapters,
): Promise<RunningService> {
  const { messaging, logger, clock = systemClock, random = Math.random } = adapters;
  const { publicKey } = await loadVerifyingKey(config.configurationVerifyKeyFile);
  const replica = new ConfigurationReplica({
    log: messaging.configuration,
    verifyKey: publicKey,
    clock,
    stalenessBoundMs: config.stalenessBoundMs,
    onProblem: (problem) => logger.warn({ problem: problem.type }, 'configuration log'),
  });
  const database = connectDatabase(config.databaseUrl.reveal(), DATABASE_CONNECTIONS);
  const vault = await openVault(config, {
    database,
    clock,
    onProblem: (what, err) => logger.warn({ err }, what),
  }).catch(async (error: unknown) => {
    await database.$disconnect();
    throw error;
  });
  const { sealer } = vault;
  const store = new PostgresConnectionStore(database, vault);
  const snapshot = () => replica.snapshot();
  let queueProblemAt = Number.NEGATIVE_INFINITY;
  const jobs = createQueueBackend({
    ...config.queue,
    onProblem: (err) => {
      if (clock() - queueProblemAt > PROBLEM_MS) logger.warn({ err }, 'job queue');
      queueProblemAt = clock();
    },
  });

  const records = new RecordBacklog<LifecycleRecord>({
    publish: (batch) => messaging.events.publish(config.replica, batch),
    onProblem: (problem, err) => logger.warn({ err, problem }, 'lifecycle records'),
  });
  const record: RefreshJobContext['record'] = (facts) => {
    const at = clock();
    records.add({ v: 1, id: newId('evt', at), replica: config.replica, at, ...facts });
    return Promise.resolve();
  };
  const standings = new PostgresProviderStandings(database);
  const intervalMs = config.tickIntervalMs ?? TICK_INTERVAL_MS;
  const context: RefreshJobContext = {
    store,
    standings,
    slots: new ProviderSlots(),
    snapshot,
    onProviderChange: async (change) => {
      logger.warn(
        {
          credentialProvider: change.credentialProvider,
          issuer: change.issuer,
          reason: change.standing.reason,
          error: change.standing.error,
        },
        `credential provider ${change.type}`,
      );
      await record(describeProviderChange(change));
    },
    vault: sealer,
    fetch: createSafeFetch({
      userAgent: 'sallyport-token-refresh-worker',
      allow: () => snapshot().get('OutboundNetwork', 'default')?.spec.allow ?? [],
      extraCertificateAuthorities: config.extraCertificateAuthorities,
    }),
    clock,
    random,
    sleep: (ms) => sleep(ms),
    clientFor: createClientLookup({ database, vault: sealer, snapshot }),
    target: (connection) => configuredTarget(snapshot(), connection),
    record,
    // A gateway that does not hear of it finds out when its lease ends, or is rejected.
    broadcastChanged: (changed) =>
      messaging.broadcast
        .publish(subjects.credentialChanged, changed)
        .catch((err: unknown) => logger.warn({ err }, 'gateways could not be told of a new credential')),
  };
  const usable = () => replica.state().ready && !replica.state().stale;
  const queue = jobs.queue<RefreshJob>(REFRESH_QUEUE);
  const ticks = jobs.queue<null>(TICK_QUEUE);
  const guarded = <T>(what: string, run: () => Promise<T>): Promise<T | undefined> =>
    run().then(
      (value) => value,
      (err: unknown) => {
        logger.error({ err }, what);
        return undefined;
      },
    );
  if (adapters.metrics) measureProviders(adapters.metrics, standings);
  const workers = [
    jobs.work<null>(
      TICK_QUEUE,
      () =>
        usable()
          ? guarded(
              'due connections could not be listed',
              async () => void (await enqueueDueConnections({ ...context, queue, intervalMs })),
            )
          : Promise.resolve(),
      { concurrency: 1 },
    ),
    jobs.work<RefreshJob>(
      REFRESH_QUEUE,
      (job) =>
        usable()
          ? guarded('a connection could not be refreshed', () => refreshDueConnection(job, context))
          : Promise.resolve(),
      { concurrency: CONCURRENCY },
    ),
  ];
  // Not awaited, and said again now and then: a queue that is down, or comes back empty, holds nobody up.
  const scheduleTicks = () =>
    void guarded('the tick could not be scheduled', () => ticks.repeat('due', intervalMs, null));
  const reschedule = setInterval(
    scheduleTicks,
    Math.max(RESCHEDULE_AT_LEAST_MS, RESCHEDULE_EVERY * intervalMs),
  ).unref();
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    clearInterval(reschedule);
    for (const together of [workers, [ticks, queue]]) await Promise.all(together.map((one) => one.close()));
    await records.close(LAST_RECORDS_MS);
    await replica.stop();
    vault.close();
    await database.$disconnect();
  };
  try {
    await replica.start();
  } catch (error) {
    await close();
    throw error;
  }
  scheduleTicks();
  return {
    name: 'token-refresh-worker',
    urls: {},
    readiness: () => readinessOf(replica, messaging, clock() - queueProblemAt < PROBLEM_MS),
    close: () => (closing ??= close()),
  };
}

/** How long a problem of the queue is worth a word. */
const PROBLEM_MS = 30_000;

function readinessOf(replica: ConfigurationReplica, messaging: Messaging, queueFailing: boolean): Readiness {
  const { ready, stale } = replica.state();
  if (!ready) return { status: 'not-ready', reasons: ['the configuration has not arrived'] };
  if (stale) return { status: 'not-ready', reasons: ['the configuration is stale'] };
  const reasons = [
    ...(messaging.connected() ? [] : ['the bus is not connected']),
    ...(queueFailing ? ['the job queue does not answer'] : []),
  ];
  return { status: reasons.length > 0 ? 'degraded' : 'ready', reasons };
}
