import { openKeyWrappers, type KeyServiceSettings } from './kms/open-key-wrapper.js';
import { Vault, type VaultParts } from './vault.js';

/**
 * Opens the vault with the settings of an app's environment.
 * @throws SallyportError as {@link Vault.open} does, and for a KMS key that cannot be opened
 */
export async function openVault(
  { masterKeyFile, kms }: { readonly masterKeyFile: string | null; readonly kms?: KeyServiceSettings },
  parts: VaultParts,
): Promise<Vault> {
  return Vault.open({ masterKeyFile, wrappers: kms ? await openKeyWrappers(kms) : [] }, parts);
}
