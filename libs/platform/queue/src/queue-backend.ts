export interface JobQueue<T> {
  /** Adds a job, unless one with this id waits or runs. An id must not be a number or contain a colon. */
  add(id: string, data: T): Promise<void>;
  /** Adds a job each `intervalMs`, however many processes ask for it. The last interval given counts. */
  repeat(id: string, intervalMs: number, data: T): Promise<void>;
  close(): Promise<void>;
}

/** Postpones the job by this many milliseconds. Other jobs run meanwhile. */
export interface Again {
  readonly againInMs: number;
}

/** Runs a job. If it rejects, the job is dropped and not retried: its table will make it again. */
export type JobHandler<T> = (data: T) => Promise<void | Again>;

export interface JobWorker {
  /** Waits for running jobs, then stops. */
  close(): Promise<void>;
}

export interface QueueBackend {
  readonly kind: 'redis' | 'postgres';
  queue<T>(name: string): JobQueue<T>;
  work<T>(name: string, handler: JobHandler<T>, options: { readonly concurrency: number }): JobWorker;
}
