import { randomBytes } from 'node:crypto';
import { SallyportError, Secret } from '@sallyport/kernel';
import { describe, expect, test } from 'vitest';
import { KeyFileWrapper } from './key-file-wrapper.js';
import { describeKeyService, describeKeyWrapper } from './key-wrapper.contract.js';
import { loadClient } from './kms/load-client.js';
import { openKeyWrappers } from './kms/open-key-wrapper.js';
import { createVaultTransitWrapper } from './kms/vault-transit-wrapper.js';
import { startLocalAwsKms } from './testing/local-aws-kms.js';
import { startLocalAzureKeyVault } from './testing/local-azure-key-vault.js';
import { startLocalGoogleKms } from './testing/local-google-kms.js';
import { startLocalVaultTransit } from './testing/local-vault-transit.js';

describeKeyWrapper('a key file', async () => {
  const key = new Secret<Uint8Array>(randomBytes(32));
  return {
    one: new KeyFileWrapper(key),
    same: new KeyFileWrapper(key),
    other: new KeyFileWrapper(new Secret<Uint8Array>(randomBytes(32))),
  };
});
describeKeyService('AWS KMS', startLocalAwsKms);
describeKeyService('Google Cloud KMS', startLocalGoogleKms);
describeKeyService('Azure Key Vault', startLocalAzureKeyVault);
describeKeyService('Vault Transit', startLocalVaultTransit);

describe('the name of a KMS key', () => {
  const open = (name: string, tokenFile: string | null = '/token') =>
    openKeyWrappers({ keys: [name], tokenFile, namespace: null, extraCertificateAuthorities: [] });

  test('leads to its service, and is what is kept beside what it wrapped (B1)', async () => {
    for (const name of [
      'aws-kms:arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
      'google-kms:projects/p/locations/l/keyRings/r/cryptoKeys/k',
      'vault-transit:https://vault.example:8200/transit/keys/sallyport',
    ]) {
      expect((await open(name)).map((wrapper) => wrapper.name)).toEqual([name]);
    }
  });

  test('that is no name stops the start and says what one looks like', async () => {
    for (const name of [
      'aws-kms:my-key',
      'google-kms:k',
      'azure-keyvault:https://v.vault.azure.net/keys/k',
      'azure-keyvault:http://v/keys/k/0123456789abcdef0123456789abcdef',
      'vault-transit:ftp://x/transit/keys/k',
      'vault-transit:https://x/k',
      'pgp:k',
      'k',
    ]) {
      await expect(async () => open(name)).rejects.toMatchObject({
        code: 'vault_key_name_invalid',
        message: expect.stringContaining(name),
      });
    }
    await expect(async () => open('vault-transit:https://vault.example/transit/keys/k', null)).rejects.toMatchObject({
      code: 'vault_key_name_invalid',
      message: expect.stringContaining('SALLYPORT_VAULT_TOKEN_FILE'),
    });
  });

  test('whose client is not installed says what to install', async () => {
    const notFound = (name: string) =>
      Object.assign(new Error(`Cannot find package '${name}' imported from /srv/here.js`), {
        code: 'ERR_MODULE_NOT_FOUND',
      });
    await expect(loadClient(() => Promise.reject(notFound('the-client')), 'the-client')).rejects.toMatchObject({
      code: 'key_service_client_missing',
      message: expect.stringContaining('npm install the-client'),
    });
    // A broken installation is not a missing one.
    await expect(loadClient(() => Promise.reject(notFound('what-it-needs')), 'the-client')).rejects.toThrow(
      'what-it-needs',
    );
  });

  test('of a service that is away, or whose token file is not there, is an error of its own kind (B1)', async () => {
    const away = createVaultTransitWrapper('vault-transit:away', new URL('http://127.0.0.1:9/transit/keys/k'), {
      tokenFile: import.meta.filename,
    });
    await expect(away.wrap(randomBytes(32), {})).rejects.toMatchObject({ code: 'key_service_unavailable' });
    const without = createVaultTransitWrapper('vault-transit:away', new URL('http://127.0.0.1:9/transit/keys/k'), {
      tokenFile: '/nowhere/token',
    });
    await expect(without.wrap(randomBytes(32), {})).rejects.toBeInstanceOf(SallyportError);
  });
});
