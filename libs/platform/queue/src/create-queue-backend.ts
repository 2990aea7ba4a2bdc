import {
  createPostgresBackend,
  createRedisBackend,
  DelayedError,
  Queue,
  Worker,
  type BackendFactory,
  type IQueueBackend,
} from 'bullmq';
import type { RedisOptions } from 'ioredis';
import type { PoolConfig } from 'pg';
import { PatientClient } from './patient-client.js';
import type { Again, JobHandler, JobQueue, JobWorker, QueueBackend } from './queue-backend.js';
import { Reopening } from './reopening.js';

export type QueueBackendOptions = (
  | {
      readonly kind: 'postgres';
      /** `?schema=` is ignored: jobs have their own schema. */
      readonly databaseUrl: string;
    }
  | { readonly kind: 'redis'; readonly redisUrl: string }
) & {
  /** Called when a connection broke or a response made no sense. The backend tries again by itself. */
  readonly onProblem?: (error: Error) => void;
};

/** The schema of the jobs. It holds no table of the product. */
const POSTGRES_SCHEMA = 'sallyport_jobs';
const CONNECTIONS_PER_QUEUE = 2;
/** A job whose worker was killed goes to another after at most `LOCK_MS` and two checks. Until then its id is taken. */
const LOCK_MS = 6_000;
const STALLED_MS = 3_000;
/** The next run of a repeated job is one interval away. More than this many intervals mean that a clock was ahead. */
const AHEAD_INTERVALS = 3;

export function createQueueBackend(options: QueueBackendOptions): QueueBackend {
  const onProblem = options.onProblem ?? (() => undefined);
  if (options.kind === 'redis')
    return backendOver('redis', createRedisBackend, redisConnection(options.redisUrl), onProblem);
  const url = new URL(options.databaseUrl);
  url.searchParams.delete('schema');
  const connection = {
    connectionString: url.toString(),
    max: CONNECTIONS_PER_QUEUE,
    Client: PatientClient,
  } satisfies PoolConfig;
  return backendOver(
    'postgres',
    createPostgresBackend,
    { ...connection, schema: POSTGRES_SCHEMA, migrate: true },
    onProblem,
  );
}

function backendOver<B extends IQueueBackend, C>(
  kind: QueueBackend['kind'],
  factory: BackendFactory<B, C>,
  connection: C,
  onProblem: (error: Error) => void,
): QueueBackend {
  const unlessClosing = ({ isClosing }: { readonly isClosing: boolean }, error: Error): void => {
    if (!isClosing) onProblem(error);
  };
  return {
    kind,
    queue<T>(name: string): JobQueue<T> {
      const reopening = new Reopening(() => {
        const queue = new Queue<unknown, void, string, unknown, void, string, B, C>(
          name,
          { connection, defaultJobOptions: { removeOnComplete: true, removeOnFail: true, attempts: 1 } },
          factory,
        );
        return queue.on('error', (error) => unlessClosing(reopening, error));
      });
      return {
        async add(id, data) {
          await (await reopening.get()).add(name, data, { jobId: id });
        },
        async repeat(id, intervalMs, data) {
          const queue = await reopening.get();
          // BullMQ plans each run from the one before, so it would wait for a run that a clock ahead of ours planned.
          const next = (await queue.getJobScheduler(id))?.next ?? 0;
          if (next - Date.now() > AHEAD_INTERVALS * intervalMs) await queue.removeJobScheduler(id);
          await queue.upsertJobScheduler(
            id,
            { every: intervalMs },
            { name, data, opts: { removeOnComplete: true, removeOnFail: true, attempts: 1 } },
          );
        },
        close: () => reopening.close(),
      };
    },
    work<T>(name: string, handler: JobHandler<T>, { concurrency }: { readonly concurrency: number }): JobWorker {
      const running = new Set<Promise<void | Again>>();
      const run = (data: T): Promise<void | Again> => {
        const job = handler(data);
        running.add(job);
        return job.finally(() => running.delete(job));
      };
      const make = () => {
        const worker = new Worker<T, void, string, B, number, C>(
          name,
          async (job, token) => {
            const again = await run(job.data);
            if (!again) return;
            await job.moveToDelayed(Date.now() + again.againInMs, token);
            throw new DelayedError();
          },
          {
            connection,
            concurrency,
            autorun: false,
            removeOnComplete: { count: 0 },
            removeOnFail: { count: 0 },
            lockDuration: LOCK_MS,
            stalledInterval: STALLED_MS,
          },
          factory,
        );
        return worker.on('error', (error) => unlessClosing(reopening, error));
      };
      const reopening = new Reopening(make, {
        onReady: (worker) => void worker.run().catch(onProblem),
        idle: () => Promise.allSettled(running),
      });
      return { close: () => reopening.close() };
    },
  };
}

function redisConnection(redisUrl: string) {
  const { hostname, port, username, password, pathname, protocol } = new URL(redisUrl);
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port ? Number(port) : 6379,
    ...(username ? { username: decodeURIComponent(username) } : {}),
    ...(password ? { password: decodeURIComponent(password) } : {}),
    ...(pathname.length > 1 ? { db: Number(pathname.slice(1)) } : {}),
    ...(protocol === 'rediss:' ? { tls: {} } : {}),
    maxRetriesPerRequest: null, // BullMQ's own rule for blocking connections
  } satisfies RedisOptions;
}
