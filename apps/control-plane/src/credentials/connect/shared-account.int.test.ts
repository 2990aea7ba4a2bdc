import { eventually, findSecrets } from '@sallyport/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  admin,
  alice,
  bob,
  Browser,
  configureSaas,
  changed,
  database,
  deployForEachTest,
  endPause,
  lease,
  log,
  shown,
  url,
} from '../../test/connect-deployment.js';
import { startProviderServer, type ProviderServer } from '../../test/provider-server.js';

deployForEachTest();

let saas: ProviderServer;
let number: number;
const target = { server: 'saas', targetOrigin: 'https://saas.example' };
const asked = (path: string) => saas.requests.filter((request) => request.path === path);
beforeEach(async () => {
  saas = await startProviderServer();
  number = 0;
  saas.answer = ({ path }) => ({
    json:
      path === '/token'
        ? {
            access_token: `shared-access-${(number += 1)}`,
            refresh_token: `shared-refresh-${number}`,
            token_type: 'bearer',
            expires_in: 3600,
          }
        : {},
  });
  await configure();
});
afterEach(() => saas.stop());

const configure = (spec = 'scopes: [crm.read]') =>
  configureSaas(saas.origin, { type: 'oauth-shared', name: 'saas-everybody', spec });
const invite = (body: object = { credentialProvider: 'saas-everybody' }) =>
  admin('/v1/shared-connections', { method: 'POST', body: JSON.stringify(body) });
const link = async () => ((await (await invite()).json()) as { url: string }).url;
/** Nobody is signed in with it. */
const anyBrowser = () => new Browser('nobody');
async function connectShared(browser = anyBrowser()) {
  return browser.submit(await browser.open(await link()));
}

describe('an account that an administrator connects for everybody (R41)', () => {
  test("serves whom a policy allows, each call told apart in the trail, after one authorization and nobody's consent (R42) (R44)", async () => {
    expect(await lease(alice, target)).toMatchObject({
      type: 'refused',
      reason: 'shared_account_not_connected',
      message: expect.stringMatching(/administrator/),
    });
    const done = await connectShared();
    expect(done.html).toContain('Everybody whom a policy allows can use “SaaS” now');
    for (const person of [alice, bob])
      expect(await lease(person, target)).toMatchObject({
        type: 'granted',
        headers: { authorization: 'Bearer shared-access-1' },
        connectionRevision: 1,
      });
    const [row] = await database.connection.findMany();
    expect([row?.userId, row?.credentialProvider, row?.scopes, await database.connectionConsent.count()]).toEqual([
      null,
      'saas-everybody',
      ['crm.read'],
      0,
    ]);
    expect(changed.at(-1)).toMatchObject({ userId: null, server: 'saas', connectionId: row?.id });
    const created = await database.event.findFirstOrThrow({ where: { type: 'connection.created' } });
    expect([created.userId, created.server]).toEqual([null, 'saas']);
    expect(await database.event.count({ where: { type: 'lease.refused', userId: alice.userId } })).toBe(1);
    expect(
      findSecrets(
        { pages: shown.join('\n'), log: log.join('') },
        { access: 'shared-access-1', refresh: 'shared-refresh-1', secret: 'search-key-0123456789' },
      ),
    ).toEqual([]);
  });

  test("is connected only by a link that the administrator's token makes, for a provider of this kind, followed once and soon", async () => {
    expect(
      (
        await fetch(`${url}/v1/shared-connections`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: '{"credentialProvider":"saas-everybody"}',
        })
      ).status,
    ).toBe(401);
    for (const body of [
      { credentialProvider: 'notes-user' },
      { credentialProvider: 'nobody' },
      {},
      { credentialProvider: 'saas-everybody', more: 1 },
    ])
      expect((await invite(body)).status).toBe(400);
    const address = await link();
    const browser = anyBrowser();
    const page = await browser.open(address);
    expect([
      page.status,
      page.html.includes('Connect “SaaS” for everybody'),
      asked('/authorize').length,
      browser.visited,
    ]).toEqual([200, true, 0, [address]]);
    expect((await fetch(address, { method: 'POST', headers: { origin: 'https://evil.example' } })).status).toBe(403);
    expect((await browser.submit(page)).html).toContain('<h1>Connected</h1>');
    expect((await anyBrowser().submit(page)).status).toBe(410);
    expect((await anyBrowser().open(address)).status).toBe(410);
    const old = await link();
    await database.connectFlow.updateMany({ data: { expiresAt: new Date(0) } });
    await link(); // what has expired may be gone already, or not
    expect((await anyBrowser().open(`${old.slice(0, -1)}${old.endsWith('A') ? 'B' : 'A'}`)).status).toBe(410);
    expect(await database.connection.count()).toBe(1);
  });

  test('is bound to the browser that followed the link: an answer opened in another one connects nothing (S23)', async () => {
    let callback = '';
    saas.tamper = (parameters) => {
      callback = `${url}/connect/callback?${parameters}`;
      for (const name of [...parameters.keys()]) parameters.delete(name);
    };
    await connectShared();
    const elsewhere = anyBrowser();
    saas.tamper = () => undefined;
    expect((await connectShared(elsewhere)).html).toContain('<h1>Connected</h1>');
    expect((await elsewhere.open(callback)).html).toContain('does not belong here');
    expect((await new Browser(alice.userId).open(callback)).status).toBe(400);
    expect([asked('/token').length, await database.connection.count()]).toEqual([1, 1]);
  });

  test("is refreshed like a user's own, once for many who ask, and connected anew in its place when its grant is dead (R38, B3)", async () => {
    await connectShared();
    await database.connection.updateMany({ data: { accessExpiresAt: new Date(Date.now() + 5_000) } });
    const outcomes = await Promise.all([alice, bob, alice, bob].map((person) => lease(person, target)));
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({
        type: 'granted',
        headers: { authorization: 'Bearer shared-access-2' },
        connectionRevision: 2,
      });
    expect(asked('/token').map(({ fields }) => fields['refresh_token'] ?? 'code')).toEqual([
      'code',
      'shared-refresh-1',
    ]);
    saas.answer = () => ({ status: 400, json: { error: 'invalid_grant' } });
    await database.connection.updateMany({ data: { accessExpiresAt: new Date(0) } });
    await endPause();
    await eventually(async () => (await lease(alice, target)).type === 'refused');
    expect(await lease(bob, target)).toMatchObject({ type: 'refused', reason: 'shared_account_to_reconnect' });
    saas.answer = () => ({ json: { access_token: 'shared-access-9', token_type: 'bearer', expires_in: 3600 } });
    await connectShared();
    expect(await lease(bob, target)).toMatchObject({
      type: 'granted',
      headers: { authorization: 'Bearer shared-access-9' },
    });
    expect(await database.connection.count()).toBe(1);
  });

  test('goes nowhere else when its document changes, and is revoked at its provider when it is removed (S25, R82)', async () => {
    await connectShared();
    await configure('scopes: [crm.write]');
    expect(await lease(alice, target)).toMatchObject({ type: 'refused', reason: 'shared_account_to_reconnect' });
    await connectShared();
    const { id } = await database.connection.findFirstOrThrow();
    expect(await (await admin(`/v1/connections/${id}`, { method: 'DELETE' })).json()).toEqual({
      id,
      upstream: 'revoked',
    });
    expect(asked('/revoke').map(({ fields }) => fields['token'])).toEqual(['shared-refresh-2', 'shared-access-2']);
    expect(await lease(bob, target)).toMatchObject({ type: 'refused', reason: 'shared_account_not_connected' });
  });
});
