import { createHash } from 'node:crypto';
import { renderPage } from '@sallyport/pages';
import { expect, test } from 'vitest';
import type { PendingAuthorization } from '../engine/engine.js';
import { consentPage } from './consent-page.js';
import { engineErrorPage } from './engine-error-page.js';
import { deniedPage } from './message-pages.js';
import { backToAgentPage, toProviderPage } from './onward-pages.js';
import { shownFields } from './shown-fields.js';
import { signInPage } from './sign-in-page.js';

const attack = `"><script>alert('x')</script><img src=x onerror=y>`;
const pending: PendingAuthorization = {
  uid: 'uid-1',
  step: 'consent',
  agent: {
    clientId: 'https://agent.example/c.json',
    clientName: attack,
    clientUri: undefined,
    redirectUris: [],
    authMethod: 'none',
    registeredBy: 'document',
  },
  redirectUri: 'http://127.0.0.1:4711/cb',
  requestedScopes: [],
  authentication: undefined,
  freshlySignedIn: true,
  isKeyBound: false,
  consentRequested: false,
  loginHint: undefined,
};
const fields = shownFields({ shown: 'what-it-showed', token: 'token' });
const pages = {
  interstitial: renderPage(
    signInPage({
      pending,
      providers: [{ name: 'idp', title: attack, issuer: 'https://idp.example' }],
      fields,
      why: attack,
    }),
  ),
  consent: renderPage(
    consentPage({
      pending,
      user: { label: attack, provider: attack },
      scopes: [{ scope: attack, words: [attack] }],
      withheld: [attack],
      administers: [],
      fields,
      changed: attack,
    }),
  ),
  denied: renderPage(deniedPage(pending, attack, fields)),
};

test.each(Object.entries(pages))(
  'the %s page shows what others wrote as text and nothing else',
  (_name, { html: document }) => {
    expect(document).not.toContain('<script');
    expect(document).not.toContain('<img');
    expect(document).toContain('&lt;script&gt;');
  },
);

test.each(Object.entries(pages))(
  'the %s page runs no script, loads nothing and cannot be framed',
  (_name, { html: document, contentSecurityPolicy }) => {
    const style = /<style>([\s\S]*?)<\/style>/.exec(document)?.[1] ?? '';
    expect(contentSecurityPolicy).toContain(
      `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
    );
    expect(contentSecurityPolicy).toContain("default-src 'none'");
    expect(contentSecurityPolicy).toContain("frame-ancestors 'none'");
    expect(contentSecurityPolicy).not.toContain('unsafe');
    expect(document).not.toMatch(/<[^>]*\s(?:on\w+|style|src)\s*=|@import|url\(/);
  },
);

test.each(Object.entries(pages))(
  'the %s page carries what it showed, signed, in every form (S35) and works without a pointer',
  (_name, { html: document }) => {
    const forms = document.match(/<form\b[\s\S]*?<\/form>/g) ?? [];
    expect(forms.length).toBeGreaterThan(0);
    for (const form of forms) {
      expect(form).toContain('name="form_token" value="token"');
      expect(form).toContain('name="shown" value="what-it-showed"');
      expect(form).toMatch(/<button\b[^>]*type="submit"/);
    }
    expect(document).toContain('<html lang="en">');
    expect(document).toContain('name="viewport"');
    expect(document).toContain('prefers-color-scheme:dark');
  },
);

test('the interstitial names the agent, its host and where the answer goes, before anybody signs in (S3)', () => {
  const { html: document } = renderPage(
    signInPage({
      pending: { ...pending, agent: { ...pending.agent, clientName: 'Claude Code' } },
      providers: [{ name: 'idp', title: 'Okta', issuer: 'https://idp.example' }],
      fields,
    }),
  );
  expect(document).toContain('“Claude Code” wants to connect');
  expect(document).toContain('agent.example');
  expect(document).toContain('127.0.0.1:4711');
  expect(document).toContain('Any program running here can claim to be this agent');
});

test('a form leads to us, and a page that goes on says where, in a link too (S35)', () => {
  for (const { contentSecurityPolicy } of Object.values(pages))
    expect(contentSecurityPolicy).toContain("form-action 'self';");
  const onward = renderPage(
    backToAgentPage({
      agent: pending.agent,
      redirectUri: 'cursor://x/cb',
      href: 'cursor://x/cb?code=a&state=";<b',
    }),
  );
  expect(onward.html).toContain(
    '<meta http-equiv="refresh" content="0; url=cursor://x/cb?code=a&amp;state=&quot;;&lt;b">',
  );
  expect(onward.html).toContain(
    'href="cursor://x/cb?code=a&amp;state=&quot;;&lt;b">Return to an application on this device',
  );
  expect(onward.html).not.toContain('<script');
});

test.each(['javascript:alert(1)', ' JavaScript:x', 'data:text/html,x', 'file:///etc/passwd'])(
  'no page leads to %s',
  (to) => {
    expect(() => renderPage(toProviderPage('x', to))).toThrow('places only');
  },
);

test('an agent cannot look verified by what it calls itself: its name is quoted, cleaned and marked (S2, S35)', () => {
  const claimed = (clientName: string) => ({ ...pending, agent: { ...pending.agent, clientName } });
  const provider = { name: 'idp', title: 'Okta', issuer: 'https://idp.example' };
  for (const clientName of ['🔒 Claude (verified)', '✅ Claude — Verified', 'Claude\u202e \u200b(\u{1d42f}erified)']) {
    const shown = [
      signInPage({ pending: claimed(clientName), providers: [provider], fields }),
      consentPage({
        pending: claimed(clientName),
        user: { label: 'alice', provider: 'Okta' },
        scopes: [],
        withheld: [],
        administers: [],
        fields,
      }),
      deniedPage(claimed(clientName), 'no', fields),
    ];
    expect(shown.map((page) => /<h1>([^<]*)<\/h1>/.exec(renderPage(page).html)?.[1])).toEqual([
      '“Claude” wants to connect',
      'Let “Claude” act for you?',
      '“Claude” cannot be connected',
    ]);
    for (const page of shown)
      expect(renderPage(page).html.replace(/only says so: its identity is not verified/, '')).not.toMatch(
        /verified|🔒|✅/iu,
      );
  }
  expect(renderPage(signInPage({ pending: claimed('Cl\u0430ude'), providers: [provider], fields })).html).toContain(
    '<h1>“Cl\u0430ude” (letters of different alphabets) wants to connect</h1>',
  );
});

test('a page about too many requests says whose they were', () => {
  const said = (description: string) =>
    renderPage(engineErrorPage({ error: 'temporarily_unavailable', error_description: description })).html;
  expect(said('too many requests: try again later')).toContain('This browser, or somebody at the same network address');
  expect(said('too many requests from others just now: try again later')).toContain(
    'More agents are being connected just now',
  );
});

test('an error of an agent that is not trusted says what is wrong and where it would lead, in full, and leads there by a click only (S35)', () => {
  const agent = { ...pending.agent, clientId: 'dcr_1', clientName: '🔒 Cursor', registeredBy: 'dynamic' as const };
  const redirectUri = 'cursor://anysphere.cursor-deeplink/mcp/install?config=e30';
  const { html: document } = renderPage(
    engineErrorPage(
      { error: 'login_required', error_description: '"><script>' },
      { agent, redirectUri, href: `${redirectUri}&error=login_required` },
    ),
  );
  expect(document).toContain(
    'an application on this device (cursor://anysphere.cursor-deeplink/mcp/install?config=e30)',
  );
  expect(document).toContain(
    '<a href="cursor://anysphere.cursor-deeplink/mcp/install?config=e30&amp;error=login_required" rel="noreferrer">',
  );
  expect(document).toContain('“Cursor”');
  expect(document).not.toMatch(/<script|http-equiv|<form/);
});
