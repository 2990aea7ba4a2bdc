/**
 * The words every part shares: ids, the clock, errors, the secret wrapper.
 * Depends on nothing but Node; knows neither MCP nor OAuth.
 */
export { isId, namedId, newId, timeOfId } from './ids.js';
export type { AgentSessionId, Id, MachineId, UserId } from './ids.js';
export { RecordNumbers } from './record-numbers.js';
export { steady, systemClock } from './clock.js';
export type { Clock } from './clock.js';
export type { CodeOf, SallyportErrorCode } from './error-codes.js';
export { hasCode, isErrorOf, SallyportError } from './errors.js';
export { constantTimeEqual, Secret } from './secret.js';
export { Bag } from './bag.js';
export { BoundedMap } from './bounded-map.js';
export { Budget } from './budget.js';
export type { BudgetRefusal } from './budget.js';
export { Shares } from './shares.js';
export type { ShareRefusal } from './shares.js';
export { EventTally } from './event-tally.js';
export { claimedName, cleanText, quotedName } from './claimed-text.js';
export { backOffMs } from './back-off.js';
export { DURATION, DURATION_WORDS, durationMs, durationSeconds } from './duration.js';
export { SingleFlight } from './single-flight.js';
export { Batches } from './batches.js';
export { decompressed, isKnownCoding } from './decompressed.js';
export { loopbackSpellings } from './loopback-spellings.js';
export { PRODUCT_VERSION } from './version.js';
