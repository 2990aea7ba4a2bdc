import type { Logger } from '@sallyport/telemetry';
import { Closers, type Close, type CloseFailure } from './closers.js';
import { repeat, type PeriodicTask } from './repeat.js';
import { combineReadiness, type Readiness, type RunningService } from './running-service.js';

/** What a service is started in: it is told here whatever the service opens, repeats, and needs to be ready. */
export interface ServiceScope {
  /**
   * Closes `what` when the service ends, also when its start fails half way: the last opened first, one after the
   * other, whatever fails. Call it as soon as the thing is open, before the next one is opened.
   * @param closes several are closed together
   */
  onClose(what: string, ...closes: Close[]): void;
  /** Repeats a task until the service ends; see `repeat`. @param failure what is logged when a round fails */
  every(milliseconds: number, task: PeriodicTask, failure: string): void;
  /** Adds a check. The service is as ready as the worst of its checks says. */
  readiness(check: () => Readiness): void;
  /** How ready the service is now, by the checks that were added so far. */
  isReady(): Readiness;
}

export interface ServiceStart {
  readonly logger: Logger;
  /**
   * Called after each thing that is opened. A test that throws here sees whether a failed start leaves anything open.
   */
  readonly onOpened?: (what: string) => void;
}

/**
 * Starts a service in a scope of its own.
 * @param start opens what the service is made of, and returns its URLs
 * @returns its `close` rejects with every failure of closing
 * @throws what `start` throws, after everything opened until then was closed; failures of closing are logged
 */
export async function startService(
  name: string,
  { logger, onOpened }: ServiceStart,
  start: (scope: ServiceScope) => Promise<RunningService['urls']>,
): Promise<RunningService> {
  const closers = new Closers();
  const checks: (() => Readiness)[] = [];
  const onClose = (what: string, ...closes: Close[]): void => {
    closers.add(what, ...closes);
    onOpened?.(what);
  };
  const scope: ServiceScope = {
    onClose,
    every: (milliseconds, task, failure) =>
      onClose(`periodic work (${failure})`, repeat({ milliseconds, task, failure, logger })),
    readiness: (check) => void checks.push(check),
    isReady: () => combineReadiness(checks.map((check) => check())),
  };
  let urls: RunningService['urls'];
  try {
    urls = await start(scope);
  } catch (error) {
    await closers.closeAll(({ what, error: err }) => logger.error({ err }, `closing ${what} failed`));
    throw error;
  }
  let closing: Promise<void> | undefined;
  return {
    name,
    urls,
    readiness: scope.isReady,
    close: () => (closing ??= closeOrThrow(closers)),
  };
}

/** @throws AggregateError of all failures, its message names each */
async function closeOrThrow(closers: Closers): Promise<void> {
  const failures: CloseFailure[] = [];
  await closers.closeAll((failure) => void failures.push(failure));
  if (failures.length === 0) return;
  const told = failures.map(({ what, error }) => `${what}: ${error instanceof Error ? error.message : String(error)}`);
  throw new AggregateError(
    failures.map(({ error }) => error),
    told.join('; '),
  );
}
