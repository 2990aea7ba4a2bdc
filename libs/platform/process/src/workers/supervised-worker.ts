import { SallyportError } from '@sallyport/kernel';
import type { Logger } from '@sallyport/telemetry';
import { notReady, type Readiness } from '../running-service.js';
import { WorkerReport, type WorkerQuestion } from './worker-messages.js';

/** A process that was forked. */
export interface WorkerProcess {
  readonly pid: number | undefined;
  send(question: WorkerQuestion): void;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

export interface WorkerListener {
  heard(message: unknown): void;
  /** Called once. @param how for operators: `exit code 1`, `SIGKILL` */
  ended(how: string): void;
}

export interface SupervisedWorkerOptions {
  /** From 1. */
  readonly number: number;
  readonly fork: (number: number, listener: WorkerListener) => WorkerProcess;
  readonly logger: Logger;
  readonly onRestart?: () => void;
  /** How long it may take to answer, and to stop before it is killed; milliseconds. */
  readonly answerMs?: number;
  readonly stopMs?: number;
  /** Milliseconds before the first restart of a series; twice as many before each further one. */
  readonly firstPauseMs?: number;
}

const ANSWER_MS = 2_000;
/** A little less than a process gives to closing its service (`runProcess`). */
const STOP_MS = 9_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** A worker that ran for so long begins a new series of restarts when it ends. */
const RAN_WELL_MS = 60_000;

/** One worker, as its supervisor sees it: whenever it ends before it is told to, it is started again after a pause. */
export class SupervisedWorker {
  readonly number: number;
  readonly #options: SupervisedWorkerOptions;
  readonly #asked = new Map<number, (report: WorkerReport | undefined) => void>();
  readonly #first = Promise.withResolvers<void>();
  #process: WorkerProcess | undefined;
  #isRunning = false;
  #isStopping = false;
  #runningSince = 0;
  /** Restarts since it last ran well. */
  #restarts = 0;
  #lastQuestion = 0;
  /** Why it does not run. */
  #why = 'it is starting';
  #restart: NodeJS.Timeout | undefined;
  #onEnd: () => void = () => undefined;

  constructor(options: SupervisedWorkerOptions) {
    this.#options = options;
    this.number = options.number;
    this.#first.promise.catch(() => undefined); // whoever called `start` hears of it
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /**
   * Resolves when it runs for the first time.
   * @throws SallyportError `worker_failed` when it ends before that; Error `AbortError` when it is stopped before that
   */
  start(): Promise<void> {
    this.#fork();
    return this.#first.promise;
  }

  /** As it says itself. One that does not run, or does not answer in time, is not ready. */
  async readiness(): Promise<Readiness> {
    if (!this.#isRunning) return notReady(`it does not run: ${this.#why}`);
    const report = await this.#ask('readiness');
    return report?.type === 'readiness' ? report.readiness : notReady('it does not answer');
  }

  /** Its metrics as text; undefined while it does not run or does not answer. */
  async metrics(): Promise<string | undefined> {
    const report = await this.#ask('metrics');
    return report?.type === 'metrics' ? report.text : undefined;
  }

  /** Stops it in order, as a signal would. Kills it when that takes longer than `stopMs`. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#restart);
    this.#first.reject(Object.assign(new Error('it was stopped'), { name: 'AbortError' }));
    const process = this.#process;
    if (process === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onEnd = resolve;
    process.kill('SIGTERM');
    const late = setTimeout(() => {
      this.#options.logger.error({ worker: this.number, pid: process.pid }, 'a worker that does not stop is killed');
      process.kill('SIGKILL');
    }, this.#options.stopMs ?? STOP_MS);
    await promise;
    clearTimeout(late);
  }

  #fork(): void {
    const { number, fork } = this.#options;
    this.#process = fork(number, {
      heard: (message) => this.#hear(message),
      ended: (how) => this.#ended(how),
    });
  }

  #hear(message: unknown): void {
    const { data: report } = WorkerReport.safeParse(message);
    if (report?.type === 'running') {
      this.#isRunning = true;
      this.#runningSince = performance.now();
      this.#first.resolve();
    } else if (report?.type === 'failed') this.#why = report.why;
    else if (report !== undefined) this.#asked.get(report.id)?.(report);
  }

  #ended(how: string): void {
    const { number, logger, onRestart, firstPauseMs = FIRST_PAUSE_MS } = this.#options;
    const pid = this.#process?.pid;
    const ranMs = this.#isRunning ? performance.now() - this.#runningSince : 0;
    // One that could not start has said why; of one that ran nothing is known but how it ended.
    if (this.#isRunning || this.#why === 'it is starting') this.#why = `it ended (${how})`;
    this.#isRunning = false;
    this.#process = undefined;
    for (const answer of this.#asked.values()) answer(undefined);
    this.#onEnd();
    if (this.#isStopping) return;
    this.#first.reject(new SallyportError('worker_failed', `Worker ${number} could not start: ${this.#why}`));
    if (ranMs >= RAN_WELL_MS) this.#restarts = 0;
    const pauseMs = Math.min(firstPauseMs * 2 ** this.#restarts++, LONGEST_PAUSE_MS);
    logger.error({ worker: number, pid, why: this.#why, againInMs: pauseMs }, 'a worker ended: it is started again');
    this.#restart = setTimeout(() => {
      onRestart?.();
      this.#fork();
    }, pauseMs);
  }

  async #ask(about: WorkerQuestion['about']): Promise<WorkerReport | undefined> {
    if (!this.#isRunning || this.#process === undefined) return undefined;
    const id = ++this.#lastQuestion;
    const { promise, resolve } = Promise.withResolvers<WorkerReport | undefined>();
    const late = setTimeout(() => resolve(undefined), this.#options.answerMs ?? ANSWER_MS);
    this.#asked.set(id, resolve);
    this.#process.send({ type: 'ask', id, about });
    try {
      return await promise;
    } finally {
      clearTimeout(late);
      this.#asked.delete(id);
    }
  }
}
