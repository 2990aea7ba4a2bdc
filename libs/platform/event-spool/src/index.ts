/**
 * The gateway's records on their way to the event stream: room is set aside before a call is sent, the record is in a
 * local file before the answer ends, shipped in batches, shipped again after a crash. Knows neither what a record says nor how it is published.
 */
export { EventSpool } from './event-spool.js';
export type { AppendOptions, EventSpoolOptions, RecordRoom, SpooledSegment, SpoolState } from './event-spool.js';
export { localFiles } from './spool-files.js';
export type { SpoolFiles } from './spool-files.js';
export { EventShipper } from './ship-events.js';
export type { ShipperOptions } from './ship-events.js';
