import { aProviderHealth, MemoryProviderHealthStore } from '@sallyport/connection/testing';
import { createMetrics } from '@sallyport/telemetry';
import { expect, test } from 'vitest';
import { measureProviders } from './measure-providers.js';

test('paused providers are counted by name and reason until they go on, others are not, and a database that is away costs no scrape (B4, R77)', async () => {
  const providerHealth = new MemoryProviderHealthStore(() => 1_000_000);
  const write = async (credentialProvider: string, issuer: string, changes: Parameters<typeof aProviderHealth>[0]) =>
    providerHealth.write(
      { credentialProvider, issuer },
      (await providerHealth.read({ credentialProvider, issuer })).version,
      aProviderHealth(changes),
    );
  await write('notes', 'https://one.example', { pausedSince: 1, reason: 'client_refused' });
  await write('notes', 'https://two.example', { pausedSince: 1, reason: 'client_refused' });
  await write('mail', 'https://one.example', {});
  let isAway = false;
  const metrics = createMetrics();
  measureProviders(metrics, { list: () => (isAway ? Promise.reject(new Error('away')) : providerHealth.list()) });
  const lines = async () =>
    (await metrics.exposition()).split('\n').filter((line) => line.startsWith('sallyport_credential_provider_paused'));
  const paused = (count: number) => [
    `sallyport_credential_provider_paused{provider="notes",reason="client_refused"} ${count}`,
  ];
  expect(await lines()).toEqual(paused(2));
  const key = { credentialProvider: 'notes', issuer: 'https://two.example' };
  await providerHealth.write(key, (await providerHealth.read(key)).version, undefined);
  expect(await lines()).toEqual(paused(1));
  isAway = true;
  expect(await lines()).toEqual(paused(1));
  isAway = false;
  providerHealth.reconfigure('notes');
  expect(await lines()).toEqual(paused(0));
  await metrics.shutdown();
});
