import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { outboundProxy, readProxyUrl } from '@sallyport/safe-fetch';
import { makeScratch, removeScratch } from '@sallyport/testing';
import { startConnectProxy, type ConnectProxy } from '@sallyport/testing/servers';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createAwsKmsWrapper } from './aws-kms-wrapper.js';
import { openKeyWrappers } from './open-key-wrapper.js';

const ARN = 'arn:aws:kms:eu-central-1:111122223333:key/first';
const KEY = new Uint8Array(32);
const CONTEXT = { product: 'sallyport', purpose: 'vault-records', key: 'k1' } as const;

let proxy: ConnectProxy;
let scratch: string;
beforeAll(async () => {
  [proxy, scratch] = [await startConnectProxy({ reaches: {} }), makeScratch('vault-proxy')];
  writeFileSync(join(scratch, 'token'), 'vault-token');
});
afterAll(async () => {
  await proxy.close();
  removeScratch(scratch);
});
beforeEach(() => void (proxy.asked.length = 0));
const through = () => outboundProxy({ https: readProxyUrl(proxy.url), http: readProxyUrl(proxy.url) });
const targets = () => [...new Set(proxy.asked.map(({ method, target }) => `${method} ${target}`))];
const unavailable = expect.objectContaining({ code: 'key_service_unavailable' });

test('AWS KMS is asked through the proxy, which its client would not find (B1)', async () => {
  const wrapper = await createAwsKmsWrapper(`aws-kms:${ARN}`, ARN, {
    proxy: through(),
    credentials: { accessKeyId: 'AKID', secretAccessKey: 'secret' },
  });
  await expect(wrapper.wrap(KEY, CONTEXT)).rejects.toThrow(unavailable);
  expect(targets()).toEqual(['CONNECT kms.eu-central-1.amazonaws.com:443']);
});

test('Vault is called through the proxy by https only: over http the proxy would read the token (S30)', async () => {
  const open = async (name: string) => {
    const [wrapper] = await openKeyWrappers({
      keys: [name],
      tokenFile: join(scratch, 'token'),
      namespace: null,
      extraCertificateAuthorities: [],
      proxy: through(),
    });
    await expect(wrapper?.wrap(KEY, CONTEXT)).rejects.toThrow(unavailable);
  };
  await open('vault-transit:http://vault.invalid:8200/transit/keys/k');
  expect(targets()).toEqual([]);
  await open('vault-transit:https://vault.invalid:8200/transit/keys/k');
  expect(targets()).toEqual(['CONNECT vault.invalid:8200']);
});
