export interface EventuallyOptions {
  /** Milliseconds; 60 s by default: whoever means a bound says so. */
  readonly timeoutMs?: number;
  readonly intervalMs?: number;
  /** Completes "timed out waiting until …". */
  readonly until?: string;
}

/**
 * Tries until `attempt` neither throws nor returns `undefined` or `false`, and returns what it returned.
 * After the time-out it throws the attempt's own last error.
 */
export async function eventually<T>(
  attempt: () => T | Promise<T>,
  { timeoutMs = 60_000, intervalMs = 20, until = 'the condition holds' }: EventuallyOptions = {},
): Promise<Exclude<T, undefined | false>> {
  const deadline = Date.now() + timeoutMs;
  let failure: unknown;
  for (;;) {
    try {
      const value = await attempt();
      if (value !== undefined && value !== false) return value as Exclude<T, undefined | false>;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    if (Date.now() >= deadline)
      throw failure instanceof Error ? failure : new Error(`timed out after ${timeoutMs} ms waiting until ${until}`);
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}

/** A clock that stands still until told otherwise. */
export interface FakeClock {
  (): number;
  advance(milliseconds: number): void;
}

export function createFakeClock(start = Date.UTC(2026, 0, 1)): FakeClock {
  let now = start;
  return Object.assign(() => now, {
    advance(milliseconds: number) {
      now += milliseconds;
    },
  });
}
