import { describe, expect, test } from 'vitest';
import {
  admin,
  alice,
  bob,
  Browser,
  connect,
  database,
  declared,
  deployForEachTest,
  linkFor,
  notes,
  start,
  type Person,
} from '../../test/connect-deployment.js';

deployForEachTest();

const tryToConnect = async (person: Person) => {
  const browser = new Browser(person.userId);
  return browser.submit(await browser.open(await linkFor(person)));
};
const provider = async () => {
  const answer = (await (await admin('/v1/credential-providers')).json()) as {
    credentialProviders: { name: string; state: string; issuers: object[]; connects: { failedAt: string } | null }[];
  };
  return answer.credentialProviders.find(({ name }) => name === 'notes-user');
};

describe('a provider at which connecting fails', () => {
  test('reads as failing, with the last reason and time and what mends it, until somebody gets through (B32)', async () => {
    expect(await provider()).toMatchObject({ state: 'working', connects: null });
    notes.metadata = { token_endpoint: 'https://10.0.0.1/token' };
    const before = Date.now();
    for (const person of [alice, bob, alice])
      expect((await tryToConnect(person)).html).toContain('could not be connected');
    const seen = await provider();
    expect(seen).toMatchObject({
      state: 'failing',
      issuers: [],
      connects: {
        failures: 3,
        reason: 'outbound_refused',
        said: expect.stringContaining('10.0.0.1'),
        failedAt: expect.any(String),
        remedy: expect.stringContaining('allow it in OutboundNetwork'),
      },
    });
    expect(Math.abs(Date.parse(seen?.connects?.failedAt ?? '') - before)).toBeLessThan(60_000);
    expect(await database.providerHealth.count()).toBe(0); // nothing is paused by it: anybody can make a connecting fail (S32)
    notes.metadata = {};
    await connect(bob);
    expect(await provider()).toMatchObject({ state: 'working', connects: null });
  });

  test('is another one once it is configured anew', async () => {
    notes.metadata = { token_endpoint: 'https://10.0.0.1/token' };
    await tryToConnect(alice);
    declared.providerClient = ', scopes: [notes.read]';
    await start(notes.resource);
    expect(await provider()).toMatchObject({ state: 'working', connects: null });
    await tryToConnect(alice);
    expect(await provider()).toMatchObject({ state: 'failing', connects: { failures: 1 } });
  });

  test('is not one at which a user said no', async () => {
    notes.tamper = (parameters) => {
      parameters.delete('code');
      parameters.set('error', 'access_denied');
    };
    expect((await tryToConnect(alice)).html).toContain('You did not allow it');
    expect(await provider()).toMatchObject({ state: 'working', connects: null });
  });
});
