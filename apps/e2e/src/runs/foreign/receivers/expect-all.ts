import assert from 'node:assert/strict';
import type { StoredEvent } from '@sallyport/admin-api/events';
import { eventually } from '@sallyport/testing';

/** An event at a receiver. */
export interface Kept {
  readonly id: string;
  readonly event: unknown;
}

/**
 * Waits until a receiver has each event of a trail. Repetitions, and what is in no trail such as test events, are
 * passed over.
 * @returns what it has by id, in the order in which it came
 */
export async function expectAll(
  trail: readonly StoredEvent[],
  readKept: () => readonly Kept[],
): Promise<ReadonlyMap<string, unknown>> {
  const known = new Set(trail.map(({ id }) => id));
  return eventually(
    () => {
      const found = new Map<string, unknown>();
      for (const { id, event } of readKept()) if (known.has(id) && !found.has(id)) found.set(id, event);
      const missing = [...known].filter((id) => !found.has(id));
      assert.deepEqual(missing.slice(0, 3), [], `${missing.length} of ${known.size} events are missing`);
      return found;
    },
    { timeoutMs: 60_000, intervalMs: 200 },
  );
}

/** As `expectAll`, and each event is as the trail has it, member by member. */
export async function expectSame(
  trail: readonly StoredEvent[],
  readKept: () => readonly Kept[],
): Promise<ReadonlyMap<string, unknown>> {
  const kept = await expectAll(trail, readKept);
  for (const event of trail) assert.deepEqual(kept.get(event.id), event);
  return kept;
}

/** As `expectSame`, in the order of the trail. */
export async function expectInOrder(trail: readonly StoredEvent[], readKept: () => readonly Kept[]): Promise<void> {
  const kept = await expectSame(trail, readKept);
  assert.deepEqual(
    [...kept.keys()],
    trail.map(({ id }) => id),
  );
}
