import {
  EventShipper,
  EventSpool,
  takeOverSegments,
  type RecordRoom,
  type WaitingRecords,
} from '@sallyport/event-spool';
import { EventTally, newId, RecordNumbers } from '@sallyport/kernel';
import { summedEvents, type LifecycleRecord } from '@sallyport/messages';
import { degraded, notReady } from '@sallyport/process';
import type { Metrics } from '@sallyport/telemetry';
import type { Foundation } from './foundation.js';

export interface RecordSpool {
  readonly spool: EventSpool;
  /** Whether events wait on this host because they cannot be shipped. */
  isBehind(): boolean;
  /** Refusals that are summed up instead of being recorded one by one. */
  readonly refusals: EventTally;
  /** Records sums of refusals: those whose time is over, or all. */
  recordRefusals(which: 'over' | 'all'): Promise<void>;
  /** Sets room aside for the record of one call of this user (R74); else says why there is none. */
  reserveRecord(userId: string): RecordRoom | { readonly unavailable: string } | 'full-of-their-own';
}

/** The records of calls, on this host's disk until the event stream has them. */
export function openRecordSpool({ config, messaging, logger, metrics, clock, files, scope }: Foundation): RecordSpool {
  for (const directory of config.leftSpoolDirectories ?? []) {
    const moved = takeOverSegments(directory, config.spoolDirectory);
    if (moved > 0) logger.info({ directory, files: moved }, 'events that a former worker left are shipped from here');
  }
  const spool = new EventSpool({
    directory: config.spoolDirectory,
    numbers: new RecordNumbers(config.replica),
    clock,
    maxBytes: config.spoolMaxBytes,
    ...(files === undefined ? {} : { files }),
    onState: (state) =>
      state.accepting
        ? logger.info('event spool accepts again')
        : logger.error({ reason: state.reason, errno: state.code }, 'event spool refuses: calls are refused'),
  });
  const shipper = new EventShipper({
    spool,
    clock,
    publish: (lines) => messaging.events.publishLines(config.replica, lines),
    onFailure: (error, retryInMs) => logger.warn({ err: error, retryInMs }, 'events wait in the spool'),
    onDamaged: (path, lines) => logger.warn({ path, lines }, 'damaged events were skipped'),
    onLost: (path, bytes) =>
      logger.error({ path, bytes }, 'a file of the event spool was removed by somebody: the events in it are lost'),
    onRemoved: (path) =>
      logger.warn({ path }, 'a file of the event spool was removed by somebody: its events are shipped from memory'),
  });
  shipper.start();
  if (metrics !== undefined) observeSpool(metrics, () => shipper.waiting());
  scope.onClose('event spool', () => shipper.stop());
  scope.readiness(() => {
    const { state } = spool;
    const why = state.accepting ? [] : [state.reason, state.code].filter(Boolean);
    return notReady(why.length > 0 && `the event spool refuses (${why.join(', ')})`);
  });
  scope.readiness(() => degraded(shipper.failing && 'events cannot be shipped'));

  const refusals = new EventTally({ clock });
  const recordRefusals = async (which: 'over' | 'all'): Promise<void> => {
    for (const sum of refusals.take(which)) {
      const id = newId('evt', clock());
      const record: LifecycleRecord = { v: 1, id, replica: config.replica, at: sum.to, ...summedEvents(sum) };
      // A sum that there is no room for goes on being counted.
      await spool.append(record, { yields: true }).catch(() => refusals.add(sum));
    }
  };
  scope.onClose('sums of refusals', () => recordRefusals('all'));
  return {
    spool,
    isBehind: () => shipper.failing,
    refusals,
    recordRefusals,
    reserveRecord: (userId) =>
      spool.isFullOf(userId)
        ? 'full-of-their-own'
        : (spool.reserve() ?? { unavailable: `event_spool_${spool.state.accepting ? 'full' : spool.state.reason}` }),
  };
}

/** What waits in the spool for the event stream. It is bounded, and no call waits for it. */
function observeSpool(metrics: Metrics, waiting: () => WaitingRecords): void {
  metrics.gauge('sallyport.spool.events', 'Events of this process that wait for the bus', () => waiting().records);
  metrics.gauge('sallyport.spool.bytes', 'Bytes of events that wait for the bus', () => waiting().bytes);
  metrics.gauge('sallyport.spool.age', 'Seconds that an event waits for the bus at most', () => waiting().ageMs / 1000);
}
