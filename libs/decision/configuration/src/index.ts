/**
 * The documents an administrator declares, the signed change sets that carry them, and the replica that applies these.
 * This library reads no file, stores nothing and decides nothing: the control plane writes, `decision/policy` reads.
 *
 * A process makes a `new ConfigurationReplica({ log: messaging.configuration, verifyKey })`, calls `start()`, and asks
 * `snapshot()` at each request. That throws until the configuration is complete, and again when it is too old.
 * `snapshot().revocations` is live: ask it at each use, also for something that was cached.
 */
export { DEFAULT_TOOL_NAME_LENGTH, Document, WEBHOOK_EVENTS } from './documents.js';
export { ApprovedToolsSpec } from './mcp-server.js';
export type { ApprovedTool } from './mcp-server.js';
export type { AccessPolicySpec } from './access-policy.js';
export { RecordLevel } from './access-policy.js';
export { AdministratorRole } from './administrators.js';
export type { Members } from './members.js';
export { SECRET, SecretSource, ServerId } from './fields.js';
export { CREDENTIAL_PROVIDER_TYPES, isConnected, isPersonal, refreshPaceOf } from './credential-provider.js';
export type { CloudOf } from './cloud-account.js';
export type { CredentialAddOns } from './credential-add-ons.js';
export { OAUTH_PRESETS } from './configured-oauth.js';
export type { OAuthPreset } from './configured-oauth.js';
export type { CredentialProviderSpec, CredentialProviderOf } from './credential-provider.js';
export { TRUST_PROVIDER_PRESETS } from './trust-provider.js';
export type { ClaimSource, TrustProviderPreset, TrustProviderSpec } from './trust-provider.js';
export type { PublicKey } from './public-key.js';
export type { WorkloadConditions, WorkloadIssuerSpec } from './workload-issuer.js';
export type { DocumentKind, DocumentOf } from './documents.js';
export { RevocationIndex } from './revocation-index.js';
export { createSnapshot, documentKey, documentMap } from './configuration-snapshot.js';
export type { ConfigurationSnapshot, DocumentMap } from './configuration-snapshot.js';
export { ConfigurationReplica } from './configuration-replica.js';
export type { ReplicaState } from './configuration-replica.js';
