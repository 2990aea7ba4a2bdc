import { backOffMs } from '@sallyport/kernel';
import type { Delivered, SinkRecord } from '@sallyport/log-sinks';

/** How far one stream has come with what it tries to deliver; kept in memory. */
export interface Progress {
  /** Attempts in a row that brought nothing to the receiver. */
  readonly failures: number;
  /** How many records go together. */
  readonly size: number;
  /** The record that was refused last, and how often. */
  readonly suspect?: { readonly id: string; readonly tries: number } | undefined;
}

/** What follows from what became of a batch. */
export interface Step {
  /** How many records at the head of the batch the receiver has. */
  readonly taken: number;
  /** The record behind these is given up, after so many attempts. */
  readonly givenUpAfter?: number | undefined;
  /** Nothing is sent before this time has passed, in milliseconds. */
  readonly waitMs: number;
  readonly progress: Progress;
}

/** A record that is refused so often is given up, and the others go on. */
const MOST_TRIES = 5;
const FIRST_MS = 1_000;
/** A receiver that is back is noticed within this time. */
const LONGEST_MS = 60_000;
/** A receiver's own `Retry-After` is believed so far. */
const LONGEST_ASKED_MS = 3_600_000;

/** @param limit the most records that go together @param random from 0 to 1 */
export function stepAfter(
  delivered: Delivered,
  batch: readonly SinkRecord[],
  progress: Progress,
  { limit, random }: { readonly limit: number; readonly random: number },
): Step {
  const pause = (failures: number) => backOffMs(failures, { firstMs: FIRST_MS, mostMs: LONGEST_MS, random });
  if (delivered.type === 'taken') return { taken: batch.length, waitMs: 0, progress: recovered(progress, limit) };
  const { taken } = delivered;
  if (delivered.type === 'unavailable') {
    const failures = (taken > 0 ? 0 : progress.failures) + 1;
    const asked = Math.min(delivered.retryAfterMs ?? 0, LONGEST_ASKED_MS);
    return { taken, waitMs: Math.max(asked, pause(failures)), progress: { ...progress, failures } };
  }
  const rest = batch.length - taken;
  const at = delivered.at ?? (rest === 1 ? taken : undefined);
  // Which of them it is shows when fewer go together; what stands before it goes without it.
  if (at === undefined) return { taken, waitMs: 0, progress: { ...progress, failures: 0, size: Math.ceil(rest / 2) } };
  if (at > taken) return { taken, waitMs: 0, progress: { ...progress, failures: 0, size: at - taken } };
  const id = batch[at]?.id ?? '';
  const tries = (progress.suspect?.id === id ? progress.suspect.tries : 0) + 1;
  if (delivered.isTooLarge || tries >= MOST_TRIES)
    return { taken, givenUpAfter: tries, waitMs: 0, progress: recovered(progress, limit) };
  return { taken, waitMs: pause(tries), progress: { failures: tries, size: 1, suspect: { id, tries } } };
}

/** Batches grow again slowly: a receiver that takes small ones alone is not asked for more with every second one. */
const recovered = ({ size }: Progress, limit: number): Progress => ({
  failures: 0,
  size: Math.min(limit, size + Math.ceil(size / 4)),
});
