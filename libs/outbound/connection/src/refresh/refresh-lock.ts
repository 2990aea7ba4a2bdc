/**
 * A refresh stays locked so long after its owner last renewed the lock, by the database's clock. It is short: when the
 * owner dies after the provider rotated the token, the next process must ask again within the provider's reuse grace
 * (30 s or more, where there is one). It is several renewals long, so that a busy process keeps it.
 */
export const LOCK_MS = 8_000;
const RENEW_MS = 2_000;

/** Runs `work`, and `renew` again and again meanwhile. A failed renewal does not fail the work: its fence decides. */
export async function whileRenewing<T>(renew: () => Promise<unknown>, work: () => Promise<T>): Promise<T> {
  let isRenewing = false;
  const timer = setInterval(() => {
    if (isRenewing) return;
    isRenewing = true;
    void renew()
      .then(
        () => undefined,
        () => undefined,
      )
      .finally(() => (isRenewing = false));
  }, RENEW_MS).unref();
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
