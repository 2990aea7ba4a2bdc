import { openKeyWrappers, type KeyServiceSettings } from './kms/open-key-wrapper.js';
import { Vault, type VaultParts } from './vault.js';

/**
 * As an app's configuration has it.
 * @throws SallyportError of {@link Vault.open} and of the names of KMS keys
 */
export async function openVault(
  { masterKeyFile, kms }: { readonly masterKeyFile: string | null; readonly kms?: KeyServiceSettings },
  parts: VaultParts,
): Promise<Vault> {
  return Vault.open({ masterKeyFile, wrappers: kms ? await openKeyWrappers(kms) : [] }, parts);
}
