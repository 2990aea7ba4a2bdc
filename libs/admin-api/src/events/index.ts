/** What events of the trail are asked for with, what they are answered as, and how a stream of them is opened. */
export { CALL_STEPS, CallGroup, CallStat, CallStats } from './call-stats.js';
export type { CallStatsQuery } from './call-stats.js';
export { EventExport, EXPORT_TYPES } from './event-export-routes.js';
export { EventFilter } from './event-filter.js';
export { StoredEvent } from './event-routes.js';
export { openAdminStream } from '../open-stream.js';
export type { StreamedName, StreamOptions } from '../open-stream.js';
export { serverSentEvents } from './server-sent-events.js';
export type { ServerSentEvent } from './server-sent-events.js';
