import { toEvents } from '@sallyport/audit';
import { AuditRecord } from '@sallyport/messages';
import type { EventStream } from '@sallyport/messaging';
import type { Logger } from '@sallyport/telemetry';
import type { PostgresEventStore } from './event-store.js';

/**
 * Stores every batch that arrives, then acknowledges it. What is no record, or names another replica than the one the
 * bus says it came from (S26), is left out and logged: it would be as wrong the next time.
 */
export function consumeEvents(stream: EventStream, store: Pick<PostgresEventStore, 'append'>, logger: Logger): Promise<() => Promise<void>> {
  return stream.consume(async (replica, records) => {
    const sound: AuditRecord[] = [];
    for (const record of records) {
      const parsed = AuditRecord.safeParse(record);
      if (parsed.success && parsed.data.replica === replica) sound.push(parsed.data);
    }
    if (sound.length < records.length) logger.warn({ replica, dropped: records.length - sound.length }, 'events dropped: not records of this replica');
    await store.append(sound.flatMap(toEvents));
  });
}
