import type { Logger } from '@sallyport/telemetry';

/** One round of periodic work. Long rounds look at `stopping` and end early. */
export type PeriodicTask = (stopping: AbortSignal) => unknown;

export interface RepeatOptions {
  readonly milliseconds: number;
  readonly task: PeriodicTask;
  /** What is logged when a round fails: `old events could not be removed`. */
  readonly failure: string;
  readonly logger: Logger;
}

/** Kinds of failure that are told apart between two successes. */
const MOST_KINDS = 16;

/**
 * Runs a task every so many milliseconds, for the first time after the first of them. A round that is due while another
 * one runs is left out. Of the failures between two successes each kind is logged once; the next success is logged,
 * too. The timer keeps no process alive.
 * @returns what stops it: the running round is told, and awaited
 */
export function repeat({ milliseconds, task, failure, logger }: RepeatOptions): () => Promise<void> {
  const stopping = new AbortController();
  const told = new Set<string>();
  let failures = 0;
  let running: Promise<void> | undefined;

  const round = async (): Promise<void> => {
    try {
      await task(stopping.signal);
      if (failures > 0) logger.info({ failures }, `no longer: ${failure}`);
      failures = 0;
      told.clear();
    } catch (err) {
      failures += 1;
      const kind = kindOf(err);
      if (told.has(kind)) return;
      if (told.size < MOST_KINDS) told.add(kind);
      logger.warn({ err }, failure);
    }
  };
  const timer = setInterval(() => {
    running ??= round().finally(() => (running = undefined));
  }, milliseconds).unref();
  return async () => {
    stopping.abort();
    clearInterval(timer);
    await running;
  };
}

/** Errors with a code are one kind whatever their message says: the message may name a time or an id. */
function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? `${error.name} ${String(error.code)}` : `${error.name} ${error.message}`;
}

/** Work that is found somewhere in rounds: goes on while a round found some. @param round how much it found */
export function whileDue(round: () => Promise<number>): PeriodicTask {
  return async (stopping) => {
    while (!stopping.aborted && (await round()) > 0);
  };
}
