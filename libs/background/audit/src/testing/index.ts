/** An event of each type and what its details mean: for documents, and for tests of whatever reads events. */
export { DETAIL_MEANINGS, OPEN_DETAILS } from './event-details.js';
export { exampleEvent, exampleRecord } from './event-examples.js';
