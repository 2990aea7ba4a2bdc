/**
 * The words every part shares: ids, the clock, errors, the secret wrapper.
 * Depends on nothing but Node; knows neither MCP nor OAuth.
 */
export { idPrefixes, isId, namedId, newId } from './ids.js';
export type { AgentSessionId, ConnectionId, EventId, Id, IdPrefix, MachineId, UserId } from './ids.js';
export { systemClock } from './clock.js';
export type { Clock } from './clock.js';
export { SallyportError } from './errors.js';
export { constantTimeEqual, Secret } from './secret.js';
export { BoundedMap } from './bounded-map.js';
export { Shares } from './shares.js';
export { EventTally } from './event-tally.js';
export type { EventSum } from './event-tally.js';
export { claimedName, cleanText, mixesScripts, quotedName } from './claimed-text.js';
export { backOffMs } from './back-off.js';
export { Batches } from './batches.js';
export type { BatchesOptions } from './batches.js';
