import { SallyportError } from '@sallyport/kernel';
import type { OutboundProxy } from '@sallyport/safe-fetch';
import type { KeyWrapper } from '../key-wrapper.js';
import { createAwsKmsWrapper } from './aws-kms-wrapper.js';
import { createAzureKeyVaultWrapper } from './azure-key-vault-wrapper.js';
import { createGoogleKmsWrapper } from './google-kms-wrapper.js';
import { createVaultTransitWrapper } from './vault-transit-wrapper.js';

export interface KeyServiceSettings {
  /** `aws-kms:…`, `google-kms:…`, `azure-keyvault:…` or `vault-transit:…`; docs/vault.md has their forms. */
  readonly keys: readonly string[];
  /** The file with the token for `vault-transit`. */
  readonly tokenFile: string | null;
  /** The namespace for `vault-transit`. */
  readonly namespace: string | null;
  /** PEM of private certificate authorities, for `vault-transit` and `azure-keyvault`. */
  readonly extraCertificateAuthorities: readonly string[];
  /** The proxy for `vault-transit` and `aws-kms`; the other two clients read the environment themselves. */
  readonly proxy?: OutboundProxy | undefined;
}

/**
 * Opens one wrapper for each configured KMS key, in their order.
 * @throws SallyportError `vault_key_name_invalid`, `key_service_client_missing`
 */
export function openKeyWrappers({ keys, ...settings }: KeyServiceSettings): Promise<KeyWrapper[]> {
  return Promise.all(keys.map(async (name) => openKeyWrapper(name, settings)));
}

const AWS = /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:(?:key|alias)\/[\w/-]+$/;
const GOOGLE = /^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+$/;

function openKeyWrapper(
  name: string,
  { tokenFile, namespace, extraCertificateAuthorities, proxy }: Omit<KeyServiceSettings, 'keys'>,
): KeyWrapper | Promise<KeyWrapper> {
  const [kind, rest] = [name.slice(0, name.indexOf(':')), name.slice(name.indexOf(':') + 1)];
  const url = URL.canParse(rest) ? new URL(rest) : undefined;
  switch (kind) {
    case 'aws-kms':
      if (!AWS.test(rest)) throw invalid(name, 'after aws-kms: comes the ARN of a key');
      return createAwsKmsWrapper(name, rest, { proxy });
    case 'google-kms':
      if (!GOOGLE.test(rest))
        throw invalid(name, 'after google-kms: comes projects/…/locations/…/keyRings/…/cryptoKeys/…');
      return createGoogleKmsWrapper(name, rest);
    case 'azure-keyvault':
      if (url?.protocol !== 'https:' || !/^\/keys\/[\w-]+\/[0-9a-f]{32}$/.test(url.pathname))
        throw invalid(
          name,
          'after azure-keyvault: comes the id of a key with its version, https://<vault>/keys/<key>/<version>',
        );
      return createAzureKeyVaultWrapper(
        name,
        rest,
        extraCertificateAuthorities.length > 0 ? { tlsOptions: { ca: [...extraCertificateAuthorities] } } : {},
      );
    case 'vault-transit':
      if (!url || !/^https?:$/.test(url.protocol) || !/^\/[\w/-]+\/keys\/[\w-]+$/.test(url.pathname))
        throw invalid(name, 'after vault-transit: comes https://<host>/<mount>/keys/<key>');
      if (tokenFile === null) throw invalid(name, 'SALLYPORT_VAULT_TOKEN_FILE must name a file with the token');
      return createVaultTransitWrapper(name, url, {
        tokenFile,
        namespace: namespace ?? undefined,
        extraCertificateAuthorities,
        proxy,
      });
    default:
      throw invalid(name, 'it must begin with aws-kms:, google-kms:, azure-keyvault: or vault-transit:');
  }
}

function invalid(name: string, problem: string): SallyportError<'vault_key_name_invalid'> {
  return new SallyportError(
    'vault_key_name_invalid',
    `The key ${name} of SALLYPORT_VAULT_KEYS cannot be used: ${problem}.`,
  );
}
