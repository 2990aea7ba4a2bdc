import { variable } from '@sallyport/config';
import { z } from 'zod';
import type { OutboundProxy } from '@sallyport/safe-fetch';
import type { KeyServiceSettings } from './kms/open-key-wrapper.js';

/** The environment variables of a process that seals. An app spreads them into its own schema. */
export function vaultVariables() {
  return {
    SALLYPORT_MASTER_KEY_FILE: variable
      .path()
      .optional()
      .describe(
        'The master key file: wraps the keys that seal secrets; needed unless `SALLYPORT_VAULT_KEYS` names a key',
      ),
    SALLYPORT_VAULT_KEYS: variable
      .list()
      .default([])
      .describe(
        'Keys in a KMS, comma-separated: the first wraps instead of the master key, the others still unwrap; ' +
          'see docs/vault.md',
      ),
    SALLYPORT_VAULT_TOKEN_FILE: variable
      .path()
      .optional()
      .describe('The file with the token for `vault-transit` keys; read for each use'),
    SALLYPORT_VAULT_NAMESPACE: z.string().min(1).optional().describe('The namespace of `vault-transit` keys'),
  };
}

type VaultEnvironment = z.infer<z.ZodObject<ReturnType<typeof vaultVariables>>>;

/** The settings of `openVault`, from the environment. */
export function vaultSettings(
  environment: VaultEnvironment,
  extraCertificateAuthorities: readonly string[],
  proxy?: OutboundProxy,
): { readonly masterKeyFile: string | null; readonly kms: KeyServiceSettings } {
  return {
    masterKeyFile: environment.SALLYPORT_MASTER_KEY_FILE ?? null,
    kms: {
      keys: environment.SALLYPORT_VAULT_KEYS,
      tokenFile: environment.SALLYPORT_VAULT_TOKEN_FILE ?? null,
      namespace: environment.SALLYPORT_VAULT_NAMESPACE ?? null,
      extraCertificateAuthorities,
      proxy,
    },
  };
}
