/**
 * The life of a connection's credential: its states, when it is due, and what each outcome of a refresh means. Pure:
 * no clock, no randomness, no I/O of its own. The refreshing itself is `outbound/credential`'s, the schedule the
 * refresh worker's.
 */
export { backOff } from './back-off.js';
export { nextConnectionState } from './connection-state.js';
export type { ConnectionState, ConnectionStanding, RefreshOutcome, StateChange } from './connection-state.js';
export { isNearExpiry, refreshDueAt } from './due-time.js';
