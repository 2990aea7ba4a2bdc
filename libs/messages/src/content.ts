/** Content of calls, where policies say that the trail may have it: for whoever makes it, and whoever stores it. */
export { ContentRecord, MAX_CONTENT_BYTES } from './event.js';
