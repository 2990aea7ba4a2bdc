/**
 * What an administrator declares (documents), how a change to it travels (signed change sets) and how a replica
 * applies it. Does not read files, does not store, does not decide: the control plane writes, `decision/policy` reads.
 */
export { Document, Scope, SecretSource, ServerId } from './documents.js';
export type { AccessPolicySpec, CredentialProviderSpec, DocumentKind, DocumentOf } from './documents.js';
export { BaseChunk, ChangeSet, Heartbeat, LogEntry, Revocation } from './change-set.js';
export type { RevocationSubject } from './change-set.js';
