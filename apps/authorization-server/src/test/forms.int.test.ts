import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TestAgent } from '../testing/test-agent.js';
import type { BrowserPage } from '../testing/test-browser.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

let deployment: TestDeployment;
beforeAll(async () => {
  deployment = await startTestDeployment();
});
afterAll(() => deployment.close());

const role = (scopes: string[], changes: Record<string, unknown> = {}) =>
  ({
    kind: 'Role',
    name: 'developer',
    spec: { scopes, members: [{ trustProvider: 'test', groups: ['engineering'] }], ...changes },
  }) as never;
const notes = (match: string[]) =>
  ({
    kind: 'AccessPolicy',
    name: 'notes',
    spec: {
      hop: 'gateway-to-server',
      server: 'notes',
      credentialProvider: 'notes-per-user',
      tools: [
        { match, scope: 'notes.read' },
        { match: ['add_*'], scope: 'notes.write' },
      ],
      resources: [],
      prompts: [],
    },
  }) as never;
const entered = (displayName: string) =>
  ({
    kind: 'Agent',
    name: 'entered',
    spec: { displayName, redirectUris: ['http://127.0.0.1:33418/callback'], authentication: { method: 'none' } },
  }) as never;
const provider = (displayName: string) =>
  ({
    kind: 'TrustProvider',
    name: 'test',
    spec: {
      displayName,
      issuer: deployment.provider.issuer,
      clientId: 'sallyport',
      clientSecret: { env: 'UNUSED' },
      scopes: ['openid', 'profile', 'email'],
      claims: { subject: 'sub', email: 'email', name: 'name', groups: 'groups' },
    },
  }) as never;
beforeEach(() =>
  deployment.configure([
    role(['notes.read', 'notes.write']),
    notes(['list_*']),
    entered('Entered'),
    provider('Test provider'),
  ]),
);

const noticeOf = ({ html }: BrowserPage) => /role="status">([^<]*)</.exec(html)?.[1];
const grants = (clientId: string) => deployment.database.agentSession.count({ where: { clientId } });

const root = join(import.meta.dirname, '..');

test('every form of the authorization server is one of those walked here (S35)', () => {
  const folder = join(root, 'pages');
  const forms = readdirSync(folder)
    .filter((file) => !file.includes('.test.'))
    .flatMap((file) =>
      [
        ...readFileSync(join(folder, file), 'utf8').matchAll(/<form method="post" action="([^"]*)">\n\$\{fields\}/g),
      ].map(([, action]) => `${file} ${action}`),
    );
  expect(forms.toSorted()).toEqual([
    'consent-page.ts /interaction/${pending.uid}/consent',
    'message-pages.ts /interaction/${pending.uid}/deny',
    'sign-in-page.ts /interaction/${pending.uid}/deny',
    'sign-in-page.ts /interaction/${pending.uid}/sign-in',
    'sign-out-page.ts /session/end',
  ]);
  // Their token is the engine's, of the browser's session: `administrators.int.test.ts` forges it.
  const ofTheEngine = readFileSync(join(folder, 'device-pages.ts'), 'utf8').match(
    /<form method="post" action="\/device">\n<input type="hidden" name="xsrf" value="\$\{formToken\}">/g,
  );
  expect(ofTheEngine).toHaveLength(2);
  const everywhere = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !/\.test\.ts$|^testing/.test(file),
  );
  expect(everywhere.flatMap((file) => readFileSync(join(root, file), 'utf8').match(/<form\b/g) ?? [])).toHaveLength(
    forms.length + 2,
  );
});

describe('a consent page that is pressed after', () => {
  /** The page, a change, the press, and the press on what is shown then. */
  const walk = async (change: () => Promise<unknown>, agent: TestAgent) => {
    const consent = await agent.press(
      await agent.open({ scope: 'notes.read notes.write notes.admin' }),
      /^Continue with/,
    );
    await change();
    const again = await agent.press(consent, 'Allow');
    expect([again.status, await grants(agent.clientId)]).toEqual([200, 0]);
    return again;
  };
  const scopesGranted = async (agent: TestAgent, page: BrowserPage) => {
    const { url } = await agent.press(page, 'Allow');
    const { body } = await agent.redeem(url.searchParams.get('code'));
    return decodeJwt(String(body['access_token']))['scope'];
  };

  test('roles came to give more is shown again, and grants what is shown then (S35)', async () => {
    const agent = await TestAgent.register(deployment);
    const again = await walk(() => deployment.configure([role(['notes.read', 'notes.write', 'notes.admin'])]), agent);
    expect(noticeOf(again)).toBe(
      'Nothing was done: while this page was open, what it will be able to do, what it will not get changed. This is how it is now.',
    );
    expect(again.html).toContain('<code>notes.admin</code>');
    expect(await scopesGranted(agent, again)).toBe('notes.read notes.write notes.admin');
  });

  test('roles came to give less is shown again (S35)', async () => {
    const agent = await TestAgent.register(deployment);
    const again = await walk(() => deployment.configure([role(['notes.read'])]), agent);
    expect(noticeOf(again)).toContain('what it will be able to do');
    expect(await scopesGranted(agent, again)).toBe('notes.read');
  });

  test('a scope came to open more tools is shown again (S35)', async () => {
    const again = await walk(() => deployment.configure([notes(['*'])]), await TestAgent.register(deployment));
    expect([
      noticeOf(again)?.includes('what it will be able to do'),
      again.html.includes('Use every tool of “Notes”'),
    ]).toEqual([true, true]);
  });

  test('the agent came to call itself something else is shown again (S35)', async () => {
    const again = await walk(
      () => deployment.configure([entered('Somebody else')]),
      new TestAgent(deployment, 'entered'),
    );
    expect([
      noticeOf(again)?.includes('what the agent says of itself'),
      again.html.includes('Let “Somebody else” act for you?'),
    ]).toEqual([true, true]);
  });

  test('its user came to be called something else is shown again (S35)', async () => {
    const again = await walk(
      () => deployment.database.user.updateMany({ data: { email: 'other@example.com' } }),
      await TestAgent.register(deployment),
    );
    expect([noticeOf(again)?.includes('who is signed in'), again.html.includes('other@example.com')]).toEqual([
      true,
      true,
    ]);
  });

  test('nothing changed grants at once, and only with what its page showed, unaltered (S35)', async () => {
    const agent = await TestAgent.register(deployment);
    const consent = await agent.press(await agent.open(), /^Continue with/);
    const wider = Buffer.from(JSON.stringify({ form: 'consent', scopes: ['notes.read', 'notes.write'] })).toString(
      'base64url',
    );
    expect((await agent.press(consent, 'Allow', { shown: wider })).status).toBe(403);
    expect((await agent.press(consent, 'Allow', { shown: '' })).status).toBe(403);
    expect(await scopesGranted(agent, consent)).toBe('notes.read');
  });

  test('the fields of another form of ours do not stand in for its own (S35)', async () => {
    const agent = await TestAgent.register(deployment);
    const interstitial = await agent.open();
    const consent = await agent.press(interstitial, /^Continue with/);
    const again = await agent.press(consent, 'Allow', { ...interstitial.forms[0]?.fields });
    expect([again.status, await grants(agent.clientId)]).toEqual([403, 0]);
  });
});

describe('a sign-in page that is pressed after', () => {
  test('the provider behind a button became another is shown again, before anybody is sent there (S35)', async () => {
    const agent = await TestAgent.register(deployment);
    const page = await agent.open();
    await deployment.configure([provider('Another name')]);
    const again = await agent.press(page, /^Continue with/);
    expect([
      noticeOf(again)?.includes('where you can sign in'),
      again.forms[0]?.buttons.map(({ text }) => text),
    ]).toEqual([true, ['Continue with Another name']]);
    expect((await agent.press(again, /^Continue with/)).html).toContain('Allow');
  });

  test('the agent came to call itself something else is shown again; a no is a no (S35)', async () => {
    const agent = new TestAgent(deployment, 'entered');
    const page = await agent.open();
    await deployment.configure([entered('Somebody else')]);
    const again = await agent.press(page, /^Continue with/);
    expect([
      noticeOf(again)?.includes('what the agent says of itself'),
      again.html.includes('“Somebody else” wants to connect'),
    ]).toEqual([true, true]);
    expect((await agent.press(page, /^Cancel/)).url.searchParams.get('error')).toBe('access_denied');
  });
});

test('a sign-out page signs out whom it showed, and nobody whose page was altered (S35)', async () => {
  const agent = await TestAgent.register(deployment);
  await agent.connect();
  const page = await agent.browser.open(`${deployment.issuer}/session/end`, 'none:');
  expect(
    (await agent.browser.press(page, 'Sign out', 'none:', { shown: Buffer.from('{}').toString('base64url') })).status,
  ).toBe(403);
  expect((await agent.browser.press(page, 'Sign out', 'none:')).html).toContain('You are signed out');
});
