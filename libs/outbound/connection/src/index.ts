/**
 * A connection: a user's account at a server, or one that all users share, with its sealed credential, the store that
 * keeps it, and the pins that bind it to what an administrator configured (S20). Does no I/O: stores and vault are
 * passed in. How its credential is renewed is `./refresh`.
 */
export { configuredTarget, pinsHold, pinsOf } from './connection-pins.js';
export type { ConfiguredTarget } from './connection-pins.js';
export type {
  ConnectionStore,
  DueRequest,
  LockResult,
  NewConnection,
  RefreshFence,
  StateUpdate,
  Successor,
} from './connection-store.js';
export type { Connection, ConnectionSummary } from './connection.js';
export { storeEnteredSecret } from './store-entered-secret.js';
export { storeGrant } from './store-grant.js';
export { revokeUpstream } from './upstream-revocation.js';
export type {
  RevokeUpstreamContext,
  UpstreamRevocation,
  UpstreamRevocationResult,
  UpstreamRevocationSummary,
  UpstreamRevocations,
} from './upstream-revocation.js';
export { CONNECTION_PURPOSE, StoredCredential, openCredential, sealCredential, vaultAad } from './vault-record.js';
export type { Vault, VaultRecord } from './vault-record.js';
