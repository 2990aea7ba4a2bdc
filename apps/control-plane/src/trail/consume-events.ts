import { toEvents } from '@sallyport/audit';
import { RecordNumbers } from '@sallyport/kernel';
import { AuditRecord } from '@sallyport/messages';
import type { EventBatch, EventStream } from '@sallyport/messaging';
import type { Logger } from '@sallyport/telemetry';
import type { StoreEvents } from './event-writer.js';

/** What one replica told, and may tell. */
export interface SoundRecords {
  readonly replica: string;
  readonly records: readonly AuditRecord[];
}

/** What became of batches that arrived together. Those that failed come again. */
export interface Consumed {
  readonly outcome: 'stored' | 'failed';
  /** Batches that wait in the stream behind these. */
  readonly waiting: number;
  /** When the oldest of their events happened, in milliseconds since the epoch, by its writer's clock. */
  readonly oldestAt: number | undefined;
}

export interface ConsumedEvents {
  readonly store: StoreEvents;
  readonly isGateway: (replica: string) => Promise<boolean>;
  /** Acts on what arrived, before it is stored; called again with the same batches when anything fails. */
  readonly onRecords: (told: readonly SoundRecords[]) => Promise<void>;
  readonly logger: Logger;
  readonly onOutcome: (consumed: Consumed) => void;
}

const OF_GATEWAYS: ReadonlySet<AuditRecord['type']> = new Set([
  'mcp.call',
  'mcp.content',
  'tool.listed',
  'events.summed',
]);

/**
 * Whether this replica may write it: under its own name, and numbered by one of its own processes or by none. What is
 * told of the trail itself, the control plane stores without a bus.
 */
const isOf = (name: string, { type, replica, writer, n }: AuditRecord): boolean =>
  replica === name &&
  !type.startsWith('audit.') &&
  (writer === undefined || n === undefined ? writer === n : RecordNumbers.isOf(replica, writer));

/**
 * Stores what arrives, all batches that came together at once, and then acknowledges them. What is no record, names
 * another replica than the one the bus says it came from, or tells of what is not a gateway's to tell although it comes
 * from one (S26), is left out and logged: it would be as wrong the next time.
 */
export function consumeEvents(
  stream: EventStream,
  { store, isGateway, onRecords, logger, onOutcome }: ConsumedEvents,
): Promise<() => Promise<void>> {
  const soundOf = async ({ replica, records }: EventBatch): Promise<SoundRecords> => {
    const callsOnly = await isGateway(replica);
    const sound: AuditRecord[] = [];
    for (const record of records) {
      const parsed = AuditRecord.safeParse(record);
      if (parsed.success && isOf(replica, parsed.data) && (!callsOnly || OF_GATEWAYS.has(parsed.data.type)))
        sound.push(parsed.data);
    }
    if (sound.length < records.length)
      logger.warn(
        { replica, dropped: records.length - sound.length },
        'events dropped: not records that this replica may write',
      );
    return { replica, records: sound };
  };
  return stream.consume(async (batches) => {
    const waiting = batches.at(-1)?.waiting ?? 0;
    let oldestAt: number | undefined;
    try {
      const told: SoundRecords[] = [];
      for (const batch of batches) told.push(await soundOf(batch));
      const events = told.flatMap(({ records }) => records).flatMap(toEvents);
      oldestAt = events.reduce((oldest, { at }) => Math.min(oldest, at), events[0]?.at ?? 0) || undefined;
      await onRecords(told);
      await store.append(events);
      onOutcome({ outcome: 'stored', waiting, oldestAt });
    } catch (error) {
      onOutcome({ outcome: 'failed', waiting, oldestAt });
      throw error;
    }
  });
}
