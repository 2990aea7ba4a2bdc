import { createServer } from 'node:http';
import { newId } from '@sallyport/kernel';
import { describe, expect, test } from 'vitest';
import {
  alice,
  alicesOtherAgent,
  as,
  bob,
  Browser,
  connect,
  database,
  deployForEachTest,
  linkFor,
  revoke,
  signInOf,
  url,
} from '../../test/connect-deployment.js';

deployForEachTest();

describe('signing in to our pages', () => {
  test.each([
    ['another state', (parameters: URLSearchParams) => parameters.set('state', 'guessed')],
    ['another issuer', (parameters: URLSearchParams) => parameters.set('iss', 'https://evil.example')],
    [
      'an error',
      (parameters: URLSearchParams) => (parameters.delete('code'), parameters.set('error', 'access_denied')),
    ],
    ['a code that was not given', (parameters: URLSearchParams) => parameters.set('code', 'guessed')],
  ])('a sign-in answered with %s signs nobody in (S23)', async (_what, tamper) => {
    as.tamper = tamper;
    const page = await new Browser(alice.userId).open(await linkFor(alice));
    expect([page.status, page.html.includes('You are not signed in'), await database.browserSession.count()]).toEqual([
      400,
      true,
      0,
    ]);
  });

  test.each([
    ['does not answer', undefined],
    ['stands on something that is away', 503],
    ['has too much to do', 429],
  ])(
    'while our authorization server %s nobody hears that their sign-in was wrong: they are asked to try again (M5)',
    async (_what, status) => {
      const begun = await fetch(`${url}/account`, { redirect: 'manual' });
      const [cookie = ''] = (begun.headers.getSetCookie()[0] ?? '').split(';');
      const state = new URL(begun.headers.get('location') ?? '').searchParams.get('state') ?? '';
      const port = Number(new URL(as.origin).port);
      await as.stop();
      const busy = createServer(
        (_request, response) =>
          void response
            .writeHead(status ?? 500, { 'content-type': 'application/json' })
            .end('{"error":"temporarily_unavailable"}'),
      );
      if (status !== undefined) await new Promise<void>((resolve) => busy.listen(port, '127.0.0.1', resolve));
      const answer = await fetch(
        `${url}/session/callback?${new URLSearchParams({ code: 'good', state, iss: as.origin })}`,
        { headers: { cookie }, redirect: 'manual' },
      );
      expect([
        answer.status,
        answer.headers.get('retry-after'),
        answer.headers.get('content-type'),
        answer.headers.getSetCookie(),
      ]).toEqual([503, '5', 'text/html; charset=utf-8', []]);
      expect(await answer.text()).toContain('<a href="/account">Try again</a>');
      busy.closeAllConnections();
      busy.close();
    },
  );

  test('a sign-in is finished only in the browser that began it, and names a user of ours (S23)', async () => {
    let callback = '';
    as.tamper = (parameters) => void (callback = `${url}/session/callback?${parameters}`);
    await new Browser(alice.userId).open(await linkFor(alice));
    expect((await new Browser(alice.userId).open(callback)).status).toBe(400);
    as.tamper = () => undefined;
    expect((await new Browser('alice@example.com').open(await linkFor(alice))).status).toBe(400);
    expect(await database.browserSession.count()).toBe(1);
  });

  test('two links opened in one browser before anybody signed in both lead to their page (S23)', async () => {
    const browser = new Browser(alice.userId);
    const tabs = [];
    for (const link of [await linkFor(alice), await linkFor(alicesOtherAgent)])
      tabs.push(await browser.open(link, {}, as.origin));
    const pages = [];
    for (const tab of tabs) pages.push(await browser.open(tab.url));
    expect(pages.map(({ status, html }) => [status, html.includes('Connect your “Notes')])).toEqual([
      [200, true],
      [200, true],
    ]);
    // The page of the first tab still belongs to the browser's session after the second tab's sign-in.
    expect((await browser.submit(pages[0] ?? expect.fail())).html).toContain('<h1>Connected</h1>');
    expect([await database.browserSession.count(), browser.cookieNames]).toEqual([1, ['sallyport_cp_session']]);
  });

  test('with a fifth sign-in under way the oldest is over, and says so (S23)', async () => {
    const browser = new Browser(alice.userId);
    const tabs = [];
    for (let n = 0; n < 5; n++) tabs.push(await browser.open(await linkFor(alice), {}, as.origin));
    expect(browser.cookieNames).toHaveLength(4);
    const [oldest, ...others] = tabs;
    expect((await browser.open(oldest?.url ?? '')).html).toContain('You are not signed in');
    for (const tab of others) expect((await browser.open(tab.url)).html).toContain('Connect your “Notes');
  });

  test.each([
    [
      'names another user under the same signature',
      ([header = '', payload = '', signature = '']: string[]) => [
        header,
        Buffer.from(
          Buffer.from(payload, 'base64url')
            .toString()
            .replace(/"sub":"[^"]+"/, `"sub":"${alice.userId}"`),
        ).toString('base64url'),
        signature,
      ],
    ],
    ['is not signed', ([header = '', payload = '']: string[]) => [header, payload, '']],
    [
      'says that it needs no signature',
      ([, payload = '']: string[]) => [Buffer.from('{"alg":"none"}').toString('base64url'), payload, ''],
    ],
  ])('an ID token that %s signs nobody in (S23)', async (_what, change) => {
    as.tamperIdToken = (token) => change(token.split('.')).join('.');
    const page = await new Browser(bob.userId).open(await linkFor(alice));
    expect([page.status, page.html.includes('You are not signed in'), await database.browserSession.count()]).toEqual([
      400,
      true,
      0,
    ]);
  });

  test('nobody else can end the session of a browser, nor choose where it goes after signing in (S23)', async () => {
    const browser = new Browser(bob.userId);
    const page = await browser.open(await linkFor(alice));
    const forged = await browser.submit(page, { csrf: 'forged' });
    expect([
      forged.status,
      forged.html.includes('This form is not yours'),
      await database.browserSession.count(),
    ]).toEqual([403, true, 1]);
    for (const returnTo of [
      'https://evil.example/',
      '//evil.example',
      '/\\evil.example',
      '/connect/../evil',
      '/connect/x?y',
    ]) {
      const victim = new Browser(bob.userId);
      const shownPage = await victim.open(await linkFor(alice));
      await victim.submit(shownPage, { return_to: returnTo });
      expect(victim.visited.filter((address) => !address.startsWith(url) && !address.startsWith(as.origin))).toEqual(
        [],
      );
      expect(victim.visited.at(-1)).toBe(`${url}/account`);
    }
  });

  test('who is signed in as somebody else may sign in anew (S23)', async () => {
    const browser = new Browser(bob.userId);
    const page = await browser.open(await linkFor(alice));
    browser.userId = alice.userId;
    expect((await browser.submit(page)).html).toContain('Connect your “Notes');
    expect(browser.visited.some((address) => address.startsWith(as.origin) && address.includes('prompt=login'))).toBe(
      true,
    );
  });

  test('a revoked user is signed out of our pages, and what was rendered for them starts nothing (S28)', async () => {
    const browser = new Browser(alice.userId);
    await browser.open(await linkFor(alice));
    await database.user.create({
      data: { id: alice.userId, trustProvider: 'demo', issuer: 'https://idp.example', subject: 'alice', groups: [] },
    });
    await revoke({ user: alice.userId });
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const link = await linkFor({ ...alice, sid: newId('ses') });
    const before = browser.visited.length;
    const again = await browser.open(link);
    expect(again.html).toContain('Connect your “Notes');
    expect(browser.visited.slice(before).some((address) => address.startsWith(`${as.origin}/authorize`))).toBe(true);
  });

  test.each([
    ['ended at the identity provider', { endedAt: new Date() }],
    ['was signed out of', { browserEndedAt: new Date() }],
    ["is another user's", { userId: 'usr_somebody' }],
  ])('a sign-in that %s opens none of our pages (S28)', async (_what, change) => {
    const browser = new Browser(alice.userId);
    const page = await browser.open(await linkFor(alice));
    expect(page.html).toContain('Connect your “Notes');
    await database.identitySession.update({ where: { id: await signInOf(alice.userId) }, data: change });
    expect((await browser.submit(page)).html).toContain('This form is not yours');
  });

  test('an ID token that names no sign-in signs nobody in (S23)', async () => {
    const browser = new Browser(alice.userId);
    as.tamper = () => void (as.idTokenClaims = {});
    expect((await browser.open(await linkFor(alice))).status).toBe(400);
    expect(await database.browserSession.count()).toBe(0);
  });

  test('signing out ends the session here by a form of its own, and goes on to the authorization server', async () => {
    const browser = await connect(alice);
    const asked = await browser.open(`${url}/session/end`);
    expect([asked.html.includes('Sign out?'), await database.browserSession.count()]).toEqual([true, 1]);
    expect([(await browser.submit(asked, { csrf: 'forged' })).status, await database.browserSession.count()]).toEqual([
      403, 1,
    ]);
    await browser.submit(asked);
    expect(await database.browserSession.count()).toBe(0);
    const last = new URL(browser.visited.at(-1) ?? '');
    expect([last.origin + last.pathname, Object.fromEntries(last.searchParams)]).toEqual([
      `${as.origin}/session/end`,
      { client_id: 'sallyport-control-plane', post_logout_redirect_uri: `${url}/session/ended` },
    ]);
    expect((await browser.open(`${url}/session/ended`)).html).toContain('You are signed out');
  });
});
