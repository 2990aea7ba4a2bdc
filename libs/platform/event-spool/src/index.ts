/**
 * The gateway's records on their way to the event stream. The gateway sets room aside before it sends a call, and has
 * the record in a local file before the answer ends. The shipper publishes records in batches, and again after a crash.
 * Knows neither what a record says nor how it is published.
 */
export { EventSpool } from './event-spool.js';
export type { Appended, AppendOptions, EventSpoolOptions } from './event-spool.js';
export type { RecordRoom } from './record-rooms.js';
export type { SpooledSegment } from './segment-directory.js';
export type { SpoolState } from './spool-state.js';
export { takeOverSegments } from './take-over-segments.js';
export { localFiles } from './spool-files.js';
export type { SpoolFiles } from './spool-files.js';
export { EventShipper } from './ship-events.js';
export type { ShipperOptions, WaitingRecords } from './ship-events.js';
