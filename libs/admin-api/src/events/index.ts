/** What events of the trail are asked for with, and what they are answered as. */
export { EventFilter } from './event-filter.js';
export { StoredEvent } from './event-routes.js';
