/**
 * The vault keys, which seal everything stored: a key file or a KMS wraps them, the database keeps them wrapped, and
 * each process holds them in memory. They rotate while everything runs (B1, S22). This library knows which columns hold
 * sealed values and which key sealed each. Whoever writes a column knows what it holds, and seals it anew after a
 * rotation. `platform/keys` reads key files and does the sealing.
 */
export { createResealing } from './create-resealing.js';
export type { ResealingParts } from './create-resealing.js';
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
export { Vault, VAULT_LOOK_MS } from './vault.js';
export type { VaultParts, VaultSettings } from './vault.js';
