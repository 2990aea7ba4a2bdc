/**
 * Milliseconds until the next attempt after so many failures in a row (1 or more): doubling from `firstMs` up to
 * `mostMs`, then shortened by chance by at most half, so that those who failed together do not come back together.
 * @param random from 0 to 1.
 */
export function backOffMs(
  failures: number,
  { firstMs, mostMs, random }: { firstMs: number; mostMs: number; random: number },
): number {
  const full = Math.min(mostMs, firstMs * 2 ** Math.min(Math.max(0, failures - 1), 30));
  return Math.round(full * (1 - random / 2));
}
