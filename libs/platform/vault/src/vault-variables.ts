import { variable } from '@sallyport/config';
import { z } from 'zod';
import type { KeyServiceSettings } from './kms/open-key-wrapper.js';

/** What every process that seals has in its environment: spread it into its own schema. */
export function vaultVariables() {
  return {
    SALLYPORT_MASTER_KEY_FILE: variable
      .path()
      .optional()
      .describe(
        'master.key: wraps the keys that seal what is stored; needed unless `SALLYPORT_VAULT_KEYS` names a key',
      ),
    SALLYPORT_VAULT_KEYS: variable
      .list()
      .default([])
      .describe(
        'Keys in a KMS, comma-separated: the first wraps in the place of the master key, the others still unwrap; see docs/vault.md',
      ),
    SALLYPORT_VAULT_TOKEN_FILE: variable
      .path()
      .optional()
      .describe('File of the token for `vault-transit` keys, read each time it is needed'),
    SALLYPORT_VAULT_NAMESPACE: z.string().min(1).optional().describe('Namespace of `vault-transit` keys'),
  };
}

type VaultEnvironment = z.infer<z.ZodObject<ReturnType<typeof vaultVariables>>>;

export function vaultSettings(
  environment: VaultEnvironment,
  extraCertificateAuthorities: readonly string[],
): { readonly masterKeyFile: string | null; readonly kms: KeyServiceSettings } {
  return {
    masterKeyFile: environment.SALLYPORT_MASTER_KEY_FILE ?? null,
    kms: {
      keys: environment.SALLYPORT_VAULT_KEYS,
      tokenFile: environment.SALLYPORT_VAULT_TOKEN_FILE ?? null,
      namespace: environment.SALLYPORT_VAULT_NAMESPACE ?? null,
      extraCertificateAuthorities,
    },
  };
}
