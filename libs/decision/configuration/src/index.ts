/**
 * What an administrator declares (documents), how a change to it travels (signed change sets) and how a replica
 * applies it. Does not read files, does not store, does not decide: the control plane writes, `decision/policy` reads.
 *
 * A process follows with `new ConfigurationReplica({ log: messaging.configuration, verifyKey })`, `start()`, and asks
 * `snapshot()` per request: it throws until the configuration is complete, and again when it is too old to be trusted.
 * `snapshot().revocations` is live: ask it on each use, also of something that was remembered.
 */
export { Document, WEBHOOK_EVENTS } from './documents.js';
export { Scope, SecretSource, ServerId } from './fields.js';
export {
  CREDENTIAL_PROVIDER_TYPES,
  isConnected,
  isPersonal,
  OAUTH_PRESETS,
  refreshPaceOf,
} from './credential-provider.js';
export type { Cloud, CloudOf } from './cloud-account.js';
export type { CredentialAddOns } from './credential-add-ons.js';
export type { OAuthPreset, CredentialProviderSpec, CredentialProviderOf } from './credential-provider.js';
export { ID_TOKEN_ALGORITHMS, TRUST_PROVIDER_PRESETS } from './trust-provider.js';
export type { ClaimSource, TrustProviderPreset, TrustProviderSpec } from './trust-provider.js';
export type { PublicKey } from './public-key.js';
export type { WorkloadConditions, WorkloadIssuerSpec } from './workload-issuer.js';
export type { AccessPolicySpec, ApprovedTool, DocumentKind, DocumentOf } from './documents.js';
export { BaseChunk, ChangeSet, Heartbeat, LogEntry, Revocation } from './change-set.js';
export type { RevocationSubject } from './change-set.js';
export { signLogEntry, verifyLogEntry } from './log-entry.js';
export type { LogEntryVerdict } from './log-entry.js';
export { signCommand, SignedCommand, verifyCommand } from './signed-command.js';
export type { SignedCommandOf } from './signed-command.js';
export { splitBase } from './split-base.js';
export { RevocationIndex } from './revocation-index.js';
export { createSnapshot, documentKey, documentMap } from './configuration-snapshot.js';
export type { ConfigurationSnapshot, DocumentMap } from './configuration-snapshot.js';
export { ConfigurationReplica } from './configuration-replica.js';
export type { ConfigurationLogReader, ReplicaOptions, ReplicaProblem, ReplicaState } from './configuration-replica.js';
