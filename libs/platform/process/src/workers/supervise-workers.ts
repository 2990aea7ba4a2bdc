import type { Logger, Metrics } from '@sallyport/telemetry';
import { mergeExpositions, type WorkerExposition } from './merge-expositions.js';
import { SupervisedWorker, type SupervisedWorkerOptions } from './supervised-worker.js';

export interface SupervisedWorkers {
  readonly workers: readonly SupervisedWorker[];
  /** Of all workers and of the supervisor, in Prometheus' text format. */
  exposition(): Promise<string>;
  /** Resolves when all run. @throws as `SupervisedWorker.start` */
  start(): Promise<void>;
  /** Stops all at once, each in order. */
  stop(): Promise<void>;
}

/** Makes the workers of one replica. They share its listeners, and none is forked before `start`. */
export function superviseWorkers(
  count: number,
  {
    fork,
    logger,
    metrics,
  }: { readonly fork: SupervisedWorkerOptions['fork']; readonly logger: Logger; readonly metrics: Metrics },
): SupervisedWorkers {
  const restarts = metrics.counter('sallyport.worker.restarts', 'Workers started again after they ended, by worker.');
  const workers = Array.from({ length: count }, (_, index) => {
    const restarted = restarts.bind({ worker: index + 1 });
    return new SupervisedWorker({ number: index + 1, fork, logger, onRestart: () => restarted.add() });
  });
  metrics.gauge('sallyport.worker.running', 'Whether a worker runs, 1 or 0, by worker.', () =>
    workers.map(({ number, isRunning }) => ({ value: isRunning ? 1 : 0, attributes: { worker: number } })),
  );
  return {
    workers,
    async exposition() {
      const ofWorkers = await Promise.all(
        workers.map(async (worker): Promise<WorkerExposition[]> => {
          const text = await worker.metrics();
          return text === undefined ? [] : [{ worker: worker.number, text }];
        }),
      );
      return mergeExpositions([{ text: await metrics.exposition() }, ...ofWorkers.flat()]);
    },
    start: async () => void (await Promise.all(workers.map((worker) => worker.start()))),
    stop: async () => void (await Promise.all(workers.map((worker) => worker.stop()))),
  };
}
