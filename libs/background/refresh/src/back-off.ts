const FIRST_MS = 15_000;
const LONGEST_MS = 15 * 60_000;
const LONGEST_ASKED_MS = 60 * 60_000;

/**
 * Milliseconds until the next attempt: doubling, capped, jittered downwards by at most half, and never before a
 * provider's own `Retry-After`, which is believed up to an hour.
 */
export function backOff({ failures, random, retryAfterMs = 0 }: { failures: number; random: number; retryAfterMs?: number | undefined }): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.max(0, Math.min(failures, 20) - 1));
  return Math.max(Math.min(retryAfterMs, LONGEST_ASKED_MS), Math.round(full * (1 - random / 2)));
}
