/**
 * Refreshes a connection's credential: its states, when it is due, what each outcome means for the connection and for
 * its provider, which is paused as a whole when it fails.
 */
export { waitOf } from './ask-provider.js';
export type { ProviderChange } from './ask-provider.js';
export { GRACE_MS, backOff } from './back-off.js';
export type { ConnectionState } from './connection-state.js';
export { describeDropped, describeProviderChange, describeRefresh } from './describe-refresh.js';
export { isNearExpiry } from './due-time.js';
export { admissionTo } from './provider-breaker.js';
export type { ProviderHealth } from './provider-breaker.js';
export type {
  KnownHealth,
  ProviderKey,
  ProviderHealthStore,
  SeenHealth,
  HealthVersion,
} from './provider-health-store.js';
export { refreshConnection } from './refresh-connection.js';
export type { ObserveRefresh, RefreshContext, RefreshResult } from './refresh-connection.js';
export { LOCK_MS, whileRenewing } from './refresh-lock.js';
