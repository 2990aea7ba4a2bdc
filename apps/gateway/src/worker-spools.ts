import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** One process of a replica of several. */
export interface GatewayWorker {
  /** From 1. */
  readonly number: number;
  readonly of: number;
}

const OF_WORKER = /^worker-(\d{1,4})$/;

/** Where a worker of a replica keeps its spool; a process that is the whole replica uses the directory itself. */
export const spoolDirectoryOf = (directory: string, worker: GatewayWorker | undefined): string =>
  worker === undefined ? directory : join(directory, `worker-${worker.number}`);

/**
 * Directories below the replica's own in which records may be left by a start with another number of workers, and to
 * which no process of this start writes. One process takes them over: the first worker, or the only process.
 */
export function leftSpoolDirectories(directory: string, worker: GatewayWorker | undefined): readonly string[] {
  if (worker !== undefined && worker.number !== 1) return [];
  const former = workersWithSpool(directory)
    .filter((number) => number > (worker?.of ?? 0))
    .map((number) => spoolDirectoryOf(directory, { number, of: number }));
  return worker === undefined ? former : [directory, ...former];
}

function workersWithSpool(directory: string): readonly number[] {
  try {
    return readdirSync(directory).flatMap((name) => OF_WORKER.exec(name)?.slice(1).map(Number) ?? []);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []; // the spool will make it
    throw error;
  }
}
