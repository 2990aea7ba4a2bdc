/**
 * The gateway's records on their way to the event stream: appended to a local file before an answer ends, shipped in
 * batches, shipped again after a crash. Knows neither what a record says nor how it is published.
 */
export { EventSpool } from './event-spool.js';
export type { EventSpoolOptions, Segment, SpoolState } from './event-spool.js';
export { EventShipper } from './ship-events.js';
export type { ShipperOptions } from './ship-events.js';
