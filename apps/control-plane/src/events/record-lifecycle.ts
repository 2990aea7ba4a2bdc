import { toEvents } from '@sallyport/audit';
import { newId } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import type { LifecycleRecord } from '@sallyport/messages';
import type { PostgresEventStore } from './event-store.js';

export type LifecycleFacts = Omit<LifecycleRecord, 'v' | 'type' | 'id' | 'replica' | 'at'>;
export type LifecycleRecorder = (type: LifecycleRecord['type'], facts: LifecycleFacts) => Promise<void>;

/** The control plane's own steps go straight into the trail; other processes' come over the bus. */
export function createLifecycleRecorder(store: Pick<PostgresEventStore, 'append'>, { replica, clock }: { replica: string; clock: Clock }): LifecycleRecorder {
  return async (type, facts) => {
    const at = clock();
    await store.append(toEvents({ v: 1, type, id: newId('evt', at), replica, at, ...facts }));
  };
}
