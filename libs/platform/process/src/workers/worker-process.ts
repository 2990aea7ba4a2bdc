import cluster from 'node:cluster';
import type { Metrics } from '@sallyport/telemetry';
import { combineReadiness, notReady, type RunningService } from '../running-service.js';
import type { WorkerListener, WorkerProcess } from './supervised-worker.js';
import { WorkerQuestion, type WorkerReport } from './worker-messages.js';

/** The last argument of a worker's process, so that `ps` shows which one it is. */
const ARGUMENT = /^--worker=(\d{1,4})$/;

/** The number of the worker that this process is, from 1; undefined in a process that nobody forked as one. */
export function workerNumber(): number | undefined {
  const [, number] = ARGUMENT.exec(process.argv.at(-1) ?? '') ?? [];
  return cluster.isWorker && number !== undefined ? Number(number) : undefined;
}

/**
 * Forks this program as a worker, with the same environment, arguments and output. Its listeners are the supervisor's:
 * that accepts connections and hands them to the workers in turn.
 */
export function forkWorker(number: number, listener: WorkerListener): WorkerProcess {
  cluster.schedulingPolicy = cluster.SCHED_RR;
  cluster.setupPrimary({ args: [...process.argv.slice(2), `--worker=${number}`] });
  const worker = cluster.fork();
  let isOver = false;
  const end = (how: string): void => {
    if (!isOver) listener.ended(how);
    isOver = true;
  };
  worker.on('message', (message: unknown) => listener.heard(message));
  worker.on('exit', (code, signal) => end(signal ?? `exit code ${code}`));
  worker.on('error', (error) => {
    if (worker.process.pid === undefined) end(error.message); // it could not be forked
  });
  return {
    pid: worker.process.pid,
    // One that has just ended says so itself.
    send: (question) => void worker.send(question, () => undefined),
    kill: (signal) => void worker.process.kill(signal),
  };
}

/** Tells the supervisor of this worker. */
export const report = (what: WorkerReport): void => void process.send?.(what);

/** Answers what the supervisor asks of this worker. @param services read at each question; none: still starting */
export function answerSupervisor(services: readonly RunningService[], metrics: Metrics): void {
  process.on('message', (message) => {
    const { data: asked } = WorkerQuestion.safeParse(message);
    if (asked?.about === 'readiness') {
      const parts = services.map((service) => service.readiness());
      const readiness = parts.length === 0 ? notReady('starting') : combineReadiness(parts);
      report({ type: 'readiness', id: asked.id, readiness: { ...readiness, reasons: [...readiness.reasons] } });
    } else if (asked?.about === 'metrics')
      metrics.exposition().then(
        (text) => report({ type: 'metrics', id: asked.id, text }),
        () => undefined, // the supervisor counts it as no answer
      );
  });
}
