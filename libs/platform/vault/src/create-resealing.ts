import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '@sallyport/database';
import { resealRecords, type SealedColumn } from './reseal-records.js';
import type { Vault } from './vault.js';

export interface ResealingParts {
  readonly vault: Vault;
  readonly database: Database;
  /** The columns that this process writes. */
  readonly columns: readonly SealedColumn[];
  readonly onProblem: (what: string, error: unknown) => void;
  readonly onProgress: (table: string, resealed: number) => void;
}

const PAUSE_MS = 5;
/** The interval between two rounds with one key. A round finds rows that were locked in the one before. */
const AGAIN_MS = 60_000;

/**
 * Seals the columns of this process anew after a rotation, also when the process starts in the middle of one. Each
 * record tells which key sealed it, so there is no progress to store.
 * @returns one round: call it every `VAULT_LOOK_MS`, and never twice at once; it ends early when it is stopped
 */
export function createResealing({ vault, database, columns, onProblem, onProgress }: ResealingParts) {
  let doneWith: { keyId: string; at: number } | undefined;
  return async (stopping: AbortSignal): Promise<void> => {
    const keyId = vault.sealer.currentKeyId;
    if (doneWith?.keyId === keyId && performance.now() - doneWith.at < AGAIN_MS) return;
    let all = 0;
    for (const column of columns) {
      const resealed = await resealRecords(column, {
        database,
        sealer: vault.sealer,
        onProblem,
        pause: () => sleep(PAUSE_MS),
        isOver: () => stopping.aborted,
      });
      all += resealed;
      if (resealed > 0) onProgress(column.table, resealed);
      if (stopping.aborted) return;
    }
    if (all === 0) doneWith = { keyId, at: performance.now() };
  };
}
