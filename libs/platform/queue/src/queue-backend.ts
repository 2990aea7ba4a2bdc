export interface JobQueue<T> {
  /** Ignored while a job of this id waits or runs; may be added again afterwards. An id is no number and has no colon. */
  add(id: string, data: T): Promise<void>;
  /** One job each `intervalMs`, however many processes ask for it; the last interval given counts. */
  repeat(id: string, intervalMs: number, data: T): Promise<void>;
  close(): Promise<void>;
}

/** The job is put off: it comes again in so many milliseconds, and somebody else's runs meanwhile. */
export interface Again {
  readonly againInMs: number;
}

/** A job whose handler rejects is dropped, not retried: it will be made again from the table it came from. */
export type JobHandler<T> = (data: T) => Promise<void | Again>;

export interface JobWorker {
  /** Waits for what runs, then stops. */
  close(): Promise<void>;
}

export interface QueueBackend {
  readonly kind: 'redis' | 'postgres';
  queue<T>(name: string): JobQueue<T>;
  work<T>(name: string, handler: JobHandler<T>, options: { readonly concurrency: number }): JobWorker;
}
