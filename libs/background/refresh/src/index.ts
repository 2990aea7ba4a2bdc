/**
 * The life of a connection's credential: its states, when it is due, and what each outcome of a refresh means, for it and
 * for the provider that gave it, which is paused as a whole. Pure:
 * no clock, no randomness, no I/O of its own. The refreshing itself is `outbound/credential`'s, the schedule the
 * refresh worker's.
 */
export { backOff, GRACE_MS } from './back-off.js';
export { nextConnectionState } from './connection-state.js';
export type { ConnectionState, ConnectionStanding, RefreshOutcome, StateChange } from './connection-state.js';
export { isNearExpiry, refreshDueAt } from './due-time.js';
export { admissionTo, claimProbe, releaseProbe, standingAfter, waitFor } from './provider-breaker.js';
export type { Admission, ProviderFailure, ProviderFailureReason, ProviderStanding } from './provider-breaker.js';
