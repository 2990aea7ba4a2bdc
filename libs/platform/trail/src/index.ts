/**
 * How a process writes the trail: it says what happened, and one adapter adds who wrote it, when, and under which id.
 * `BusTrail` keeps events in memory until the event stream takes them, `createStoreTrail` writes them where the trail
 * is kept. Records of calls are the gateway's, with room set aside on disk before the call: `event-spool`. What a
 * record looks like is `messages`; who reads the trail is `audit`.
 */
export { BusTrail } from './bus-trail.js';
export type { BusTrailOptions } from './bus-trail.js';
export { createStoreTrail } from './store-trail.js';
export { stampEvent } from './trail-event.js';
export type { NoteEvent, RecordEvent, TrailEvent, TrailWriter } from './trail-event.js';
