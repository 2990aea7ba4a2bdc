import { toEvents } from '@sallyport/audit';
import { newId } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import type { LifecycleRecord } from '@sallyport/messages';
import type { PostgresEventStore } from './event-store.js';

/** Writes a line of the trail; version, id, time and origin are added here. */
export type LifecycleRecorder = (facts: Omit<LifecycleRecord, 'v' | 'id' | 'replica' | 'at'>) => Promise<void>;

/** The control plane's own steps go straight into the trail; other processes' come over the bus. */
export function createLifecycleRecorder(
  store: Pick<PostgresEventStore, 'append'>,
  { replica, clock }: { replica: string; clock: Clock },
): LifecycleRecorder {
  return async (facts) => {
    const at = clock();
    await store.append(toEvents({ v: 1, id: newId('evt', at), replica, at, ...facts }));
  };
}
