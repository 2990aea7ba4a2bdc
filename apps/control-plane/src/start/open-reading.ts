import type { RecordEvent } from '@sallyport/trail';
import type { Administrators } from '../admin/administrators.js';
import { PostgresEventStore } from '../trail/event-store.js';
import type { EventsContext } from '../trail/events.controller.js';
import { Downloads } from '../trail/export/downloads.js';
import type { EventExportsContext } from '../trail/export/event-exports.controller.js';
import { EventExports } from '../trail/export/event-exports.js';
import { Tails } from '../trail/tail/tails.js';
import type { Foundation } from './foundation.js';

const FORGET_MS = 3_600_000;

/** What reads the trail for administrators, a page at a time, as it comes, or as an export. */
export interface TrailReading {
  readonly events: PostgresEventStore;
  readonly reading: EventsContext;
  readonly exports: EventExportsContext;
  /** Ends what is read just now. */
  stop(): void;
}

/** With the connections of administration: nobody who reads stands before a heartbeat or a revocation. */
export function openReading(
  { databases: { administration: database }, clock, logger, scope }: Foundation,
  administrators: Administrators,
  lifecycle: RecordEvent,
): TrailReading {
  const store = new PostgresEventStore(database);
  const onProblem = (err: unknown) => logger.warn({ err }, 'the trail cannot be read for those who follow it');
  const tails = new Tails({ store, clock, onProblem });
  const exports = new EventExports({ database, clock });
  const downloads = new Downloads({ store, exports, clock });
  scope.every(FORGET_MS, () => exports.forgetExpired(), 'expired exports could not be removed');
  return {
    events: store,
    reading: { tails, administrators },
    exports: { store, exports, downloads, lifecycle, clock },
    stop() {
      tails.stop();
      downloads.stop();
    },
  };
}
