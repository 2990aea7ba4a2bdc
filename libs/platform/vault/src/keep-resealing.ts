import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '@sallyport/database';
import { resealRecords, type SealedColumn } from './reseal-records.js';
import { LOOK_MS, type Vault } from './vault.js';

export interface ResealingParts {
  readonly vault: Vault;
  readonly database: Database;
  readonly columns: readonly SealedColumn[];
  readonly onProblem: (what: string, error: unknown) => void;
  readonly onProgress: (table: string, resealed: number) => void;
}

const PAUSE_MS = 5;
/** What a process that was held up sealed with the key before is found then, as are rows that were locked. */
const AGAIN_MS = 60_000;

/**
 * Each process sees to the tables it writes: after a rotation, and after a start in the middle of one. How far it has
 * come is in the records themselves, so there is nothing to resume.
 */
export function keepResealing({ vault, database, columns, onProblem, onProgress }: ResealingParts): {
  stop(): Promise<void>;
} {
  let doneWith: { keyId: string; at: number } | undefined;
  let running: Promise<void> | undefined;
  const stopping = new AbortController();
  const round = async (): Promise<void> => {
    const keyId = vault.sealer.currentKeyId;
    if (doneWith?.keyId === keyId && performance.now() - doneWith.at < AGAIN_MS) return;
    let all = 0;
    for (const column of columns) {
      const resealed = await resealRecords(column, {
        database,
        sealer: vault.sealer,
        onProblem,
        pause: () => sleep(PAUSE_MS),
        isOver: () => stopping.signal.aborted,
      });
      all += resealed;
      if (resealed > 0) onProgress(column.table, resealed);
      if (stopping.signal.aborted) return;
    }
    if (all === 0) doneWith = { keyId, at: performance.now() };
  };
  const start = (): void => {
    running ??= round()
      .catch((error: unknown) => onProblem('records could not be sealed anew', error))
      .finally(() => (running = undefined));
  };
  const timer = setInterval(start, LOOK_MS).unref();
  return {
    async stop() {
      stopping.abort();
      clearInterval(timer);
      await running;
    },
  };
}
