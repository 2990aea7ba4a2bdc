import { toEvents } from '@sallyport/audit';
import { AuditRecord } from '@sallyport/messages';
import type { EventStream } from '@sallyport/messaging';
import type { Logger } from '@sallyport/telemetry';
import type { PostgresEventStore } from './event-store.js';

export interface ConsumedEvents {
  readonly store: Pick<PostgresEventStore, 'append'>;
  readonly isGateway: (replica: string) => Promise<boolean>;
  /** Acts on what arrived, before it is stored; called again with the same batch when anything fails. */
  readonly onRecords: (replica: string, records: readonly AuditRecord[]) => Promise<void>;
  readonly logger: Logger;
  /** Told of each batch: stored, or not, and then it comes again. */
  readonly onOutcome: (outcome: 'stored' | 'failed') => void;
}

const OF_GATEWAYS: ReadonlySet<AuditRecord['type']> = new Set(['mcp.call', 'tool.listed', 'events.summed']);

/**
 * Stores every batch that arrives, then acknowledges it. What is no record, names another replica than the one the bus
 * says it came from, or tells of what is not a gateway's to tell although it comes from one (S26), is left out and
 * logged: it would be as wrong the next time.
 */
export function consumeEvents(
  stream: EventStream,
  { store, isGateway, onRecords, logger, onOutcome }: ConsumedEvents,
): Promise<() => Promise<void>> {
  const take = async (replica: string, records: readonly unknown[]): Promise<void> => {
    const callsOnly = await isGateway(replica);
    const sound: AuditRecord[] = [];
    for (const record of records) {
      const parsed = AuditRecord.safeParse(record);
      if (parsed.success && parsed.data.replica === replica && (!callsOnly || OF_GATEWAYS.has(parsed.data.type)))
        sound.push(parsed.data);
    }
    if (sound.length < records.length)
      logger.warn(
        { replica, dropped: records.length - sound.length },
        'events dropped: not records that this replica may write',
      );
    await onRecords(replica, sound);
    await store.append(sound.flatMap(toEvents));
  };
  return stream.consume(async (replica, records) => {
    try {
      await take(replica, records);
      onOutcome('stored');
    } catch (error) {
      onOutcome('failed');
      throw error;
    }
  });
}
