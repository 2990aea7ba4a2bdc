import { describe, expect, test } from 'vitest';
import {
  ADMIN_TOKEN,
  alice,
  bob,
  Browser,
  connect,
  database,
  declared,
  deployForEachTest,
  downstreamRequests,
  lease,
  linkFor,
  notes,
  revoke,
  start,
  url,
} from '../../test/connect-deployment.js';

deployForEachTest();

describe('a link, and the answer of the server it leads to', () => {
  test('a ticket of a revoked agent is refused', async () => {
    const link = await linkFor(alice);
    const revoked = await fetch(`${url}/v1/revocations`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ agent: alice.clientId }),
    });
    expect(revoked.ok).toBe(true);
    await expect.poll(async () => (await new Browser(alice.userId).open(link)).status).toBe(403);
  });

  /** Up to the server's answer, which is held back. */
  async function startAndHold(browser: Browser): Promise<string> {
    let callback = '';
    notes.tamper = (parameters) => {
      callback = `/connect/callback?${parameters}`;
      for (const name of [...parameters.keys()]) parameters.delete(name);
    };
    await browser.submit(await browser.open(await linkFor(alice)));
    notes.tamper = () => undefined;
    return callback;
  }

  test('an answer counts only in the browser that started it, also for the same user (S23)', async () => {
    const callback = await startAndHold(new Browser(alice.userId));
    const elsewhere = new Browser(alice.userId);
    await elsewhere.open(await linkFor(alice));
    const page = await elsewhere.open(url + callback);
    expect([page.status, page.html.includes('does not belong here')]).toEqual([400, true]);
    expect([downstreamRequests(), await database.connection.count()]).toEqual([0, 0]);
  });

  test('an answer to what was configured differently when the browser left connects nothing (S20)', async () => {
    const browser = new Browser(alice.userId);
    const callback = await startAndHold(browser);
    declared.providerClient = ', scopes: [notes.read]';
    await start(notes.resource);
    const page = await browser.open(url + callback);
    expect([page.status, page.html]).toEqual([
      502,
      expect.stringContaining('was configured anew in the meantime. Nothing was connected; begin once more.'),
    ]);
    expect([downstreamRequests(), await database.connection.count()]).toEqual([0, 0]);
  });

  test('a revocation while the browser is at the server connects nothing and spends no code (S28)', async () => {
    const start = new Browser(alice.userId);
    const callback = await startAndHold(start);
    await revoke({ agent: alice.clientId });
    const refused = await start.open(url + callback);
    expect([refused.status, refused.html.includes('access has ended')]).toEqual([403, true]);
    expect([downstreamRequests(), await database.connection.count(), await database.connectionConsent.count()]).toEqual(
      [0, 0, 0],
    );
  });

  test('a callback counts once, in the browser that started it, for the user who did (S8) (S23)', async () => {
    let callback = '';
    notes.tamper = (parameters) => void (callback = `${url}/connect/callback?${parameters}`);
    const browser = await connect(alice);
    const replayed = await browser.open(callback);
    expect([replayed.status, replayed.html.includes('does not belong here')]).toEqual([400, true]);

    let stolen = '';
    const start = new Browser(bob.userId);
    const page = await start.open(await linkFor(bob));
    notes.tamper = (parameters) => {
      stolen = `${url}/connect/callback?${parameters}`;
      for (const name of [...parameters.keys()]) parameters.delete(name);
    };
    await start.submit(page);
    expect((await browser.open(stolen)).status).toBe(400);
    expect((await new Browser(alice.userId).open(stolen)).status).toBe(400);
    expect((await lease(bob)).type).toBe('connect_required');
  });
});
