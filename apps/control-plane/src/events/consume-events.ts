import { toEvents } from '@sallyport/audit';
import { AuditRecord } from '@sallyport/messages';
import type { EventStream } from '@sallyport/messaging';
import type { Logger } from '@sallyport/telemetry';
import type { PostgresEventStore } from './event-store.js';

/**
 * Stores every batch that arrives, then acknowledges it. What is no record, names another replica than the one the bus
 * says it came from, or tells of something other than a call although it comes from a gateway (S26), is left out and
 * logged: it would be as wrong the next time.
 */
export function consumeEvents(stream: EventStream, { store, isGateway, logger }: { store: Pick<PostgresEventStore, 'append'>; isGateway: (replica: string) => Promise<boolean>; logger: Logger }): Promise<() => Promise<void>> {
  return stream.consume(async (replica, records) => {
    const callsOnly = await isGateway(replica);
    const sound: AuditRecord[] = [];
    for (const record of records) {
      const parsed = AuditRecord.safeParse(record);
      if (parsed.success && parsed.data.replica === replica && (!callsOnly || parsed.data.type === 'mcp.call')) sound.push(parsed.data);
    }
    if (sound.length < records.length) logger.warn({ replica, dropped: records.length - sound.length }, 'events dropped: not records that this replica may write');
    await store.append(sound.flatMap(toEvents));
  });
}
