import type { LifecycleRecord } from '@sallyport/messages';
import { stampEvent, type RecordEvent, type TrailWriter } from './trail-event.js';

/**
 * Writes events straight into the store of the trail, which the control plane owns; other processes' come over the bus.
 * @param append resolves when the record is stored
 */
export function createStoreTrail(append: (record: LifecycleRecord) => Promise<void>, writer: TrailWriter): RecordEvent {
  return async (event) => append(stampEvent(event, writer));
}
