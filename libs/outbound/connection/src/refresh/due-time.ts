/** Share of the lifetime at which a token is refreshed at the latest, and how far jitter may bring that forward. */
const DUE_SHARE = 0.8;
const JITTER_SHARE = 0.15;
/** Grants that end when unused are touched at least this often. */
const MAX_INTERVAL_MS = 24 * 60 * 60 * 1000;
/** A token said to have ended already is not asked for again and again. */
const DEAD_ON_ARRIVAL_MS = 60_000;

/**
 * When a token is to be refreshed: a share of its lifetime before it ends, spread so that what was issued together is
 * not refreshed together. Times in milliseconds since the epoch; `random` in [0, 1). A token that never ends is never
 * due.
 */
export function refreshDueAt({
  obtainedAt,
  expiresAt,
  random,
}: {
  obtainedAt: number;
  expiresAt: number | null;
  random: number;
}): number | null {
  if (expiresAt === null) return null;
  const lifetime = Math.max(0, expiresAt - obtainedAt);
  if (lifetime === 0) return obtainedAt + DEAD_ON_ARRIVAL_MS;
  const interval = Math.min(lifetime * DUE_SHARE, MAX_INTERVAL_MS);
  return Math.floor(obtainedAt + interval * (1 - JITTER_SHARE * random));
}

/** Whether a lease should not start on this token any more. A token without an end never is. */
export function isNearExpiry({
  expiresAt,
  now,
  marginMs = 60_000,
}: {
  expiresAt: number | null;
  now: number;
  marginMs?: number;
}): boolean {
  return expiresAt !== null && expiresAt - now <= marginMs;
}
