/**
 * The keys everything stored is sealed with: wrapped by a key file or a KMS, kept in the database, held in memory, and
 * changed while everything runs (B1, S22). Knows which columns hold sealed values and which key sealed each; what they
 * hold and what they are bound to is known to who writes them, and each process seals its own anew. `platform/keys` reads
 * key files and does the sealing itself.
 */
export { keepResealing } from './keep-resealing.js';
export type { ResealingParts } from './keep-resealing.js';
export type { KeyServiceSettings } from './kms/open-key-wrapper.js';
export type { KeyContext, KeyWrapper, KeyWrapperErrorCode } from './key-wrapper.js';
export { resealRecords, sealedColumn } from './reseal-records.js';
export type { ResealContext, SealedColumn } from './reseal-records.js';
export { removeVaultKey, rotateVaultKey, rotationStatus } from './rotate-vault-key.js';
export type {
  ListedVaultKey,
  RemovalResult,
  RotationContext,
  RotationStatus,
  VaultKeyState,
} from './rotate-vault-key.js';
export { sealedPlaces } from './sealed-places.js';
export type { SealedTable } from './sealed-places.js';
export { openVault } from './open-vault.js';
export { vaultSettings, vaultVariables } from './vault-variables.js';
export { Vault } from './vault.js';
export type { VaultParts, VaultSettings } from './vault.js';
