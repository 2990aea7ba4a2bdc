/**
 * Key files of a deployment: makes them on first start, loads each where it is needed, and seals what is stored with
 * the master key (security rule S22). Knows what a key is for, never what it protects: record formats and their
 * associated data belong to the callers, rotation and KMS keys to `platform/vault`. Also says when a
 * signing key of the authorization server, which makes them, does what: the control plane reads the same table.
 */
export { ensureDeploymentKeys } from './ensure-deployment-keys.js';
export type { DeploymentKeyFiles, EnsureKeysOptions } from './ensure-deployment-keys.js';
export {
  loadDecryptionKey,
  loadEncryptionKey,
  loadEnrolledKeys,
  loadSigningKey,
  loadVerifyingKey,
} from './load-jwk.js';
export type { DecryptionKey, EncryptionKey, EnrolledKeys, SigningKeyPair, VerifyingKey } from './load-jwk.js';
export { loadMasterKey, loadMasterKeys, loadSymmetricKey } from './load-symmetric-key.js';
export type { MasterKey } from './load-symmetric-key.js';
export { masterKeyId, sealedPrefix, Sealer } from './sealer.js';
export { activeOf, nextRotationStep, retiresAt, RETIREMENT_MS, stateOf } from './signing-key-schedule.js';
export type { RotationPolicy, RotationStep, ScheduledKey, SigningKeyState } from './signing-key-schedule.js';
export { writeOnce } from './write-once.js';
