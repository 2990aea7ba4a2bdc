import type { DocumentOf } from '@sallyport/configuration';
import {
  aConnection,
  aProviderHealth,
  MemoryConnectionStore,
  MemoryProviderHealthStore,
} from '@sallyport/connection/testing';
import type { ProviderChange } from '@sallyport/connection/refresh';
import { beforeEach, expect, test } from 'vitest';
import { ProviderSlots } from './provider-slots.js';
import { enqueueDueConnections, refreshDueConnection, type RefreshJobContext } from './refresh-due-connections.js';

const NOW = 1_000_000;
const provider = (
  name: string,
  refresh?: { perMinute?: number; concurrency?: number },
): DocumentOf<'CredentialProvider'> => ({
  kind: 'CredentialProvider',
  name,
  spec: { type: 'mcp-user-oauth', server: 'notes', ...(refresh ? { refresh } : {}) },
});
let store: MemoryConnectionStore;
let providerHealth: MemoryProviderHealthStore;
let queued: string[];
let changes: ProviderChange[];
beforeEach(async () => {
  [store, providerHealth, queued, changes] = [
    new MemoryConnectionStore(() => NOW),
    new MemoryProviderHealthStore(() => NOW),
    [],
    [],
  ];
  for (let i = 0; i < 30; i++)
    await store.create(aConnection({ id: `con_${i}`, credentialProvider: i % 2 ? 'slow' : 'quick', refreshDueAt: i }));
});
const tick = (documents: readonly DocumentOf<'CredentialProvider'>[]) =>
  enqueueDueConnections({
    store,
    providerHealth,
    clock: () => NOW,
    intervalMs: 5_000,
    onProviderChange: async (change) => void changes.push(change),
    queue: { add: async (id) => void queued.push(id) },
    snapshot: () => ({ all: () => documents as never }),
  });

test('a tick begins as many refreshes of each provider as its pace allows in an interval, the longest overdue first (R38)', async () => {
  await tick([provider('slow', { perMinute: 36 }), provider('quick')]);
  expect(queued.filter((id) => Number(id.slice(4)) % 2 === 1)).toEqual(['con_1', 'con_3', 'con_5']);
  expect(queued).toHaveLength(3 + 15);
});

test('a tick begins none of a paused provider, one when it may be probed, and says when one was configured anew (B4)', async () => {
  const key = { credentialProvider: 'slow', issuer: aConnection().issuer };
  const documents = [provider('slow'), provider('quick')];
  const pause = async (nextProbeAt: number) =>
    providerHealth.write(
      key,
      (await providerHealth.read(key)).version,
      aProviderHealth({ pausedSince: 1, nextProbeAt }),
    );
  const ofSlow = async () => {
    queued = [];
    await tick(documents);
    return queued.filter((id) => Number(id.slice(4)) % 2 === 1).length;
  };
  await pause(NOW + 1);
  expect(await ofSlow()).toBe(0);
  await pause(NOW);
  expect(await ofSlow()).toBe(1);
  await pause(NOW + 1);
  providerHealth.reconfigure('slow');
  expect([await ofSlow(), changes]).toMatchObject([
    15,
    [{ type: 'resumed', because: 'reconfigured', credentialProvider: 'slow' }],
  ]);
});

test('a job whose provider has no slot left is put off, and keeps none (B4)', async () => {
  const slots = new ProviderSlots();
  const seen = await store.find('con_1');
  if (!seen) throw new Error('gone');
  const never = async () => expect.fail('nothing is to be done');
  const context: RefreshJobContext = {
    store,
    providerHealth,
    slots,
    clock: () => NOW,
    random: () => 0,
    sleep: never,
    fetch: never,
    forgetRegistration: async () => undefined,
    clientFor: never,
    target: () => undefined,
    record: never,
    broadcastChanged: never,
    onProviderChange: never,
    vault: { seal: () => expect.fail('nothing is to be sealed'), open: () => expect.fail('nothing is to be opened') },
    snapshot: () => ({ get: () => provider('slow', { concurrency: 2 }) as never, all: () => [] }),
  };
  const giveBack = [slots.take(seen, 2), slots.take(seen, 2)];
  expect(await refreshDueConnection({ connectionId: 'con_1' }, context)).toEqual({ againInMs: 250 });
  expect(slots.take({ ...seen, issuer: 'https://other.example' }, 2)).toBeDefined();
  giveBack[0]?.();
  expect([typeof slots.take(seen, 2), slots.take(seen, 2)]).toEqual(['function', undefined]);
});
