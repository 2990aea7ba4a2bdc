/**
 * The key files of a deployment: this library makes them at the first start, loads them, and seals stored values with a
 * key (security rule S22). Callers own the record formats and their associated data; `platform/vault` owns rotation and
 * KMS keys. The schedule of the authorization server's signing keys is here too, because the control plane shows it.
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
