/**
 * How long a refresh stays locked after its owner last said that it lives, by the database's clock. Short: when the owner is
 * killed after the provider rotated the token, the next one has to ask again within the provider's reuse grace (30 s and
 * more, where there is one). Several renewals long: a busy process does not lose it.
 */
export const LOCK_MS = 8_000;
const RENEW_MS = 2_000;

/** Runs `work`, and `renew` again and again meanwhile. A renewal that fails is no failure of the work: its own fence decides. */
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
