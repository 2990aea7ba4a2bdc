import { beforeEach, describe, expect, test } from 'vitest';
import { askProvider, waitOf, type ProviderChange, type ProviderVerdict } from './ask-provider.js';
import { MemoryProviderHealthStore } from '../testing/memory-provider-health-store.js';
import { providerHealthStoreContract } from '../testing/provider-health-store.contract.js';

const key = { credentialProvider: 'notes-per-user', issuer: 'https://as.example' };
const refused = { reason: 'client_refused', error: 'invalid_client', description: 'Unknown secret.' } as const;
const down = { reason: 'unavailable', error: 'http_503', description: null } as const;
let now: number;
let asked: number;
let changes: ProviderChange[];
let providerHealth: MemoryProviderHealthStore;
beforeEach(() => {
  [now, asked, changes] = [1_000_000, 0, []];
  providerHealth = new MemoryProviderHealthStore(() => now);
});
const gate = () => ({
  providerHealth,
  random: () => 0,
  onProviderChange: async (change: ProviderChange) => void changes.push(change),
});
const ask = (verdict: ProviderVerdict | (() => Promise<ProviderVerdict>), options: { isUrgent?: boolean } = {}) =>
  askProvider(
    key,
    gate(),
    async () => {
      asked += 1;
      return { value: 'done', verdict: typeof verdict === 'function' ? await verdict() : verdict };
    },
    options,
  );
const told = () => changes.map(({ type, health }) => [type, health.reason]);

describe('provider health in memory', () => {
  test.each(providerHealthStoreContract)('$title', ({ check }) => check(new MemoryProviderHealthStore(Date.now)));
});

describe('a provider', () => {
  test('that refuses us is asked by nobody else, and by one once its time has come; its answer ends the pause (B4)', async () => {
    await ask(refused);
    expect([await ask('answered'), asked, await waitOf(key, gate())]).toEqual([
      { type: 'paused', waitMs: 15_000 },
      1,
      15_000,
    ]);
    now += 15_000;
    expect(await waitOf(key, gate())).toBeNull();
    const others: unknown[] = [];
    await ask(async () => {
      others.push(await ask('answered'), await ask('answered'));
      return 'answered';
    });
    expect([others, asked]).toEqual([
      [
        { type: 'paused', waitMs: 1_000 },
        { type: 'paused', waitMs: 1_000 },
      ],
      2,
    ]);
    expect(await ask('answered')).toEqual({ type: 'asked', value: 'done' });
    expect(told()).toEqual([
      ['paused', 'client_refused'],
      ['resumed', 'client_refused'],
    ]);
  });

  test('that fails now and then is never paused (B4)', async () => {
    for (let i = 0; i < 20; i++) await ask(i % 5 === 4 ? 'answered' : down);
    expect([asked, changes]).toEqual([20, []]);
  });

  test('is paused once by many who fail at the same time', async () => {
    await Promise.all(Array.from({ length: 9 }, () => ask(down)));
    expect(told()).toEqual([['paused', 'unavailable']]);
  });

  test('stays paused whatever comes of requests that were sent before (B4)', async () => {
    await ask(down);
    await ask(async () => {
      await ask(refused);
      return 'answered';
    });
    expect(await waitOf(key, gate())).toBe(15_000);
  });

  test('is asked in spite of its pause by who cannot wait; a proper answer ends it, another one changes nothing (B3, B4)', async () => {
    await ask(refused);
    expect(await ask(down, { isUrgent: true })).toMatchObject({ type: 'asked' });
    expect((await providerHealth.read(key)).health).toMatchObject({ reason: 'client_refused', failedProbes: 0 });
    await ask('answered', { isUrgent: true });
    expect((await providerHealth.read(key)).health).toBeUndefined();
  });

  test('is asked at once again when its document or secret was written (B4)', async () => {
    await ask(refused);
    providerHealth.reconfigure(key.credentialProvider);
    expect(await ask(refused)).toMatchObject({ type: 'asked' });
    providerHealth.reconfigure(key.credentialProvider);
    expect((await providerHealth.forgetReconfigured()).map(({ issuer }) => issuer)).toEqual([key.issuer]);
    expect(await ask('answered')).toMatchObject({ type: 'asked' });
  });

  test('is not paused by the answer to a client it was given before (B4)', async () => {
    await ask(async () => {
      providerHealth.reconfigure(key.credentialProvider);
      return refused;
    });
    expect(await waitOf(key, gate())).toBeNull();
  });

  test('may be probed by the next one when a probe comes to nothing', async () => {
    await ask(refused);
    now += 15_000;
    await ask('unknown');
    await expect(ask(() => Promise.reject(new Error('bug')))).rejects.toThrow('bug');
    expect(await ask('answered')).toMatchObject({ type: 'asked' });
  });
});
