import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { newId } from '@sallyport/kernel';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  admin,
  alice,
  alicesOtherAgent,
  bob,
  Browser,
  configureSaas,
  connect,
  database,
  declared,
  deployForEachTest,
  linkFor,
  notes,
  start,
  url,
} from './connect-deployment.js';
import { startProviderServer, type ProviderServer } from './provider-server.js';

deployForEachTest();

type Seen = Awaited<ReturnType<Browser['open']>>;
const CHANGED = 'Nothing was done: what this page showed changed while it was open. This is how it is now.';
const saysChanged = ({ html }: Seen) => html.includes(`<p role="status">${CHANGED}</p>`);
/** The same page of the control plane that has been started again, with another configuration. */
const moved = (page: Seen): Seen => ({ ...page, url: `${url}${new URL(page.url).pathname}` });
const formOf = (page: Seen, label: string): Seen => ({
  ...page,
  html: page.html.match(/<form[\s\S]*?<\/form>/g)?.find((form) => form.includes(`>${label}</button>`)) ?? '',
});

test('every form of the control plane is one of those walked here, and says what its page showed (S35)', () => {
  const root = join(import.meta.dirname, '..');
  const sources = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !/\.test\.ts$|^test\//.test(file),
  );
  const forms = sources.flatMap((file) =>
    (readFileSync(join(root, file), 'utf8').match(/<form\b[^>]*>\s*\$\{\w+/g) ?? []).map(
      (form) => `${file} ${form.replace(/\n\s*/, '')}`,
    ),
  );
  expect(forms.toSorted()).toEqual([
    'account/account-page.ts <form method="post" action="${action}">${formFields', // connect, disconnect, end session
    'browser-session/session.controller.ts <form method="post" action="/session/end">${formFields',
    'credentials/connect/connect-pages.ts <form method="post" action="${path}">${fields', // a secret
    'credentials/connect/connect-pages.ts <form method="post" action="${path}">${fields', // connect, more scopes, consent
    'credentials/connect/connect-pages.ts <form method="post" action="${path}">${fields', // everybody's account
    'credentials/connect/connect-pages.ts <form method="post" action="/connect/confirm">${fields',
    'credentials/connect/connect-pages.ts <form method="post" action="/session/switch">${fields',
  ]);
  expect(sources.flatMap((file) => readFileSync(join(root, file), 'utf8').match(/<form\b/g) ?? [])).toHaveLength(
    forms.length,
  );
});

describe('a connect page that is pressed after', () => {
  test('its server moved is shown again, and sends nobody to the new place before that was read (S20, S35)', async () => {
    const browser = new Browser(alice.userId);
    const page = await browser.open(await linkFor(alice));
    await start(`${notes.origin}/elsewhere`);
    const again = await browser.submit(moved(page));
    expect([saysChanged(again), again.html.includes('Continue to'), await database.connectFlow.count()]).toEqual([
      true,
      true,
      0,
    ]);
  });

  test('the account it would let an agent use became another is shown again, and gives no consent (S3, S35)', async () => {
    await connect(alice);
    await database.connection.updateMany({ data: { accountName: 'alice@notes.example' } });
    const browser = new Browser(alice.userId);
    const page = await browser.open(await linkFor(alicesOtherAgent));
    expect(page.html).toContain('<dd>“alice@notes.example”</dd>');
    await database.connection.updateMany({ data: { accountName: 'team@notes.example' } });
    const again = await browser.submit(page);
    expect([
      saysChanged(again),
      again.html.includes('“team@notes.example”'),
      await database.connectionConsent.count(),
    ]).toEqual([true, true, 1]);
    expect((await browser.submit(again)).html).toContain('<h1>Connected</h1>');
    expect(await database.connectionConsent.count()).toBe(2);
  });

  test('the connection it was about is gone does not begin another one instead (S35)', async () => {
    await connect(alice);
    const browser = new Browser(alice.userId);
    const page = await browser.open(await linkFor(alicesOtherAgent));
    await database.connection.deleteMany();
    const again = await browser.submit(page);
    expect([
      saysChanged(again),
      again.html.includes('Connect your “Notes'),
      await database.connectFlow.count(),
    ]).toEqual([true, true, 0]);
  });

  test('the server a secret is typed in for moved stores nothing, and is shown again without it (S35)', async () => {
    const search = (origin: string) => {
      declared.further = `---\nkind: McpServer\nname: search\nspec: { title: Search, url: "${origin}/mcp" }\n---\nkind: CredentialProvider\nname: search-key\nspec: { type: static, server: search, send: { as: bearer } }\n---\nkind: AccessPolicy\nname: search-policy\nspec: { hop: gateway-to-server, server: search, credentialProvider: search-key }\n`;
      return start(notes.resource);
    };
    await search('https://search.example');
    const browser = new Browser(alice.userId);
    const page = await browser.open(await linkFor(alice, { server: 'search', targetOrigin: 'https://search.example' }));
    await search('https://other.example');
    const again = await browser.submit(moved(page), { secret: 'key-of-alice-1' });
    expect([
      saysChanged(again),
      again.html.includes('(other.example)'),
      again.html.includes('key-of-alice-1'),
      await database.connection.count(),
    ]).toEqual([true, true, false, 0]);
  });

  test('nothing changed connects at once, and no altered page does (S35)', async () => {
    const browser = new Browser(alice.userId);
    const page = await browser.open(await linkFor(alice));
    expect((await browser.submit(page, { shown: Buffer.from('{}').toString('base64url') })).status).toBe(403);
    const other = await browser.open(await linkFor(alicesOtherAgent));
    const [, csrf = '', shown = ''] =
      /name="csrf" value="([^"]+)"><input type="hidden" name="shown" value="([^"]+)"/.exec(other.html) ?? [];
    expect((await browser.submit(page, { csrf, shown })).status).toBe(403);
    expect((await browser.submit(page)).html).toContain('<h1>Connected</h1>');
  });
});

describe('at a provider that says whose account it is, or that everybody shares', () => {
  let saas: ProviderServer;
  let account = 'one';
  const target = { server: 'saas', targetOrigin: 'https://saas.example' };
  beforeEach(async () => {
    saas = await startProviderServer();
    saas.answer = ({ path }) => ({
      json:
        path === '/token'
          ? {
              access_token: 'saas-access',
              refresh_token: 'saas-refresh',
              token_type: 'bearer',
              expires_in: 3600,
              owner: { id: account, label: account },
            }
          : {},
    });
  });
  afterEach(() => saas.stop());

  test('a page about another account is shown again after the account so far became another (S23, S35)', async () => {
    account = 'one';
    await configureSaas(saas.origin, {
      type: 'oauth-user',
      name: 'saas-user',
      spec: 'account: { id: [owner, id], name: [owner, label] }',
    });
    const browser = new Browser(alice.userId);
    await browser.submit(await browser.open(await linkFor(alice, target)));
    await database.connection.updateMany({ data: { state: 'needs_reconnect' } });
    account = 'two';
    const page = await browser.submit(await browser.open(await linkFor(alice, target)));
    expect(page.html).toMatch(/<dd>“one”<\/dd>.*<dd>“two”<\/dd>/s);
    await database.connection.updateMany({ data: { accountId: 'three', accountName: 'three' } });
    const again = await browser.submit(page, { decision: 'use' });
    expect(saysChanged(again)).toBe(true);
    expect(again.html).toMatch(/<dd>“three”<\/dd>.*<dd>“two”<\/dd>/s);
    expect((await database.connection.findFirstOrThrow()).accountName).toBe('three');
    expect((await browser.submit(again, { decision: 'use' })).html).toContain('<h1>Connected</h1>');
    expect((await database.connection.findFirstOrThrow()).accountName).toBe('two');
  });

  test("the page for everybody's account is shown again after its permissions became others, and the link is still good (R41, S35)", async () => {
    const configure = (scope: string) =>
      configureSaas(saas.origin, { type: 'oauth-shared', name: 'saas-everybody', spec: `scopes: [${scope}]` });
    await configure('crm.read');
    const invited = await admin('/v1/shared-connections', {
      method: 'POST',
      body: JSON.stringify({ credentialProvider: 'saas-everybody' }),
    });
    const browser = new Browser('nobody');
    const page = await browser.open(((await invited.json()) as { url: string }).url);
    await configure('crm.write');
    const again = await browser.submit(moved(page));
    expect([saysChanged(again), again.html.includes('<dd>crm.write</dd>'), saas.requests.length]).toEqual([
      true,
      true,
      0,
    ]);
    expect((await browser.submit(again, { shown: Buffer.from('{}').toString('base64url') })).status).toBe(403);
    expect((await browser.submit(again)).html).toContain('<h1>Connected</h1>');
  });
});

describe('an account page that is pressed after', () => {
  const openAccount = async () => {
    await database.user.create({
      data: {
        id: alice.userId,
        trustProvider: 'demo',
        issuer: 'https://idp.example',
        subject: alice.userId,
        groups: [],
      },
    });
    await database.agentSession.create({
      data: {
        sid: alice.sid,
        userId: alice.userId,
        clientId: alice.clientId,
        agentName: 'Claude',
        assurance: 'asserted',
        grantDigest: alice.sid,
        redirectHost: 'agent.example',
      },
    });
    const browser = await connect(alice);
    return { browser, page: await browser.open(`${url}/account`) };
  };

  test.each([
    [
      'Connect another account of “Notes &lt;b&gt;”',
      () => database.connection.updateMany({ data: { accountName: 'another' } }),
    ],
    ['Disconnect “Notes &lt;b&gt;”', () => database.connection.updateMany({ data: { accountName: 'another' } })],
    ['Sign out “Claude”', () => database.agentSession.updateMany({ data: { agentName: 'Codex' } })],
  ])(
    'what “%s” is about became another does nothing, says so, and works on the page as it is now (S35)',
    async (label, change) => {
      const { browser, page } = await openAccount();
      const flows = notes.requests.filter(({ path }) => path === '/authorize').length;
      await change();
      const again = await browser.submit(formOf(page, label));
      expect(saysChanged(again)).toBe(true);
      expect([
        await database.connection.count(),
        await database.revocation.count(),
        notes.requests.filter(({ path }) => path === '/authorize').length,
      ]).toEqual([1, 0, flows]);
      const done = await browser.submit(formOf(again, label.replace('Claude', 'Codex')));
      expect(done.html).toMatch(/Connected|Disconnected\.|That agent is signed out/);
    },
  );

  test('nothing changed takes no form in the place of another (S23, S35)', async () => {
    const { browser, page } = await openAccount();
    const [disconnect, end] = [formOf(page, 'Disconnect “Notes &lt;b&gt;”'), formOf(page, 'Sign out “Claude”')];
    const [, csrf = '', shown = ''] =
      /name="csrf" value="([^"]+)"><input type="hidden" name="shown" value="([^"]+)"/.exec(end.html) ?? [];
    expect((await browser.submit(disconnect, { csrf, shown })).status).toBe(403);
    expect(await database.connection.count()).toBe(1);
  });
});

test.each([
  ['sign out', 'Sign out'],
  ['sign in as somebody else', 'Sign in as the other user'],
])('a page to %s is good for the user it was shown to, in that session only (S23, S35)', async (_what, label) => {
  const pageOf = async (userId: string) => {
    const browser = new Browser(userId);
    const page = await browser.open(await linkFor(alice));
    return { browser, page: label === 'Sign out' ? await browser.open(`${url}/session/end`) : page };
  };
  const [one, other] = [await pageOf(bob.userId), await pageOf(newId('usr'))];
  expect(one.page.html).toContain(`>${label}</button>`);
  expect((await other.browser.submit(one.page)).status).toBe(403);
  expect(await database.browserSession.count()).toBe(2);
  await one.browser.submit(one.page);
  expect(one.browser.visited.length).toBeGreaterThan(3);
});
