/** Milliseconds that nobody else is kept waiting for at a time, while others have little to do. */
const SLICE_MS = 4;
/** When others have much to do, work gets as long as they had, up to this: it would not come to an end otherwise. */
const LONGEST_SLICE_MS = 16;

export interface SlicesOptions {
  /** Milliseconds, of a clock that only goes forward. */
  readonly now?: () => number;
  /** Runs its argument in the next turn of the event loop, after what arrived meanwhile was read. */
  readonly nextTurn?: (work: () => void) => void;
}

/**
 * Does something for each of many, some milliseconds at a time: between two slices the event loop gets to everything
 * else (S34). Resolves when it is done; the first slice runs at once.
 */
export async function inSlices<T>(
  items: Iterable<T>,
  work: (item: T) => void,
  { now = () => performance.now(), nextTurn = (next) => void setImmediate(next) }: SlicesOptions = {},
): Promise<void> {
  let until = now() + SLICE_MS;
  for (const item of items) {
    const at = now();
    if (at >= until) {
      await new Promise<void>((resolve) => nextTurn(resolve));
      const resumed = now();
      until = resumed + Math.min(Math.max(resumed - at, SLICE_MS), LONGEST_SLICE_MS);
    }
    work(item);
  }
}
