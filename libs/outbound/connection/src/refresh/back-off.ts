const FIRST_MS = 15_000;
/** What is back is noticed within this time. */
const LONGEST_MS = 5 * 60_000;
const LONGEST_ASKED_MS = 60 * 60_000;
/** While a provider that allows a lost answer to be asked for again still does: 30 to 60 s after it was sent. */
export const GRACE_MS = 60_000;
const WITHIN_GRACE_MS = 2_000;

/**
 * Milliseconds until the next attempt: doubling, capped, jittered downwards by at most half, and never before a
 * provider's own `Retry-After`, which is believed up to an hour. Soon, whatever failed, while it is open whether a
 * single-use token was spent: its successor can only be had within the provider's grace.
 */
export function backOff({
  failures,
  random,
  retryAfterMs = 0,
  unansweredForMs = GRACE_MS,
}: {
  failures: number;
  random: number;
  retryAfterMs?: number | undefined;
  unansweredForMs?: number | undefined;
}): number {
  const full =
    unansweredForMs < GRACE_MS
      ? WITHIN_GRACE_MS
      : Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.max(0, Math.min(failures, 20) - 1));
  return Math.max(Math.min(retryAfterMs, LONGEST_ASKED_MS), Math.round(full * (1 - random / 2)));
}
