import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { PendingAuthorization } from '../engine/engine.js';
import { consentPage } from './consent-page.js';
import { html } from './html.js';
import { deniedPage } from './message-pages.js';
import { formTarget, page } from './page.js';
import { signInPage } from './sign-in-page.js';

const attack = `"><script>alert('x')</script><img src=x onerror=y>`;
const pending: PendingAuthorization = {
  uid: 'uid-1',
  step: 'consent',
  agent: { clientId: 'https://agent.example/c.json', clientName: attack, clientUri: undefined, redirectUris: [], authMethod: 'none', registeredBy: 'document' },
  redirectUri: 'http://127.0.0.1:4711/cb',
  requestedScopes: [],
  authentication: undefined,
  freshlySignedIn: true,
  isKeyBound: false, consentRequested: false,
  loginHint: undefined,
};
const pages = {
  interstitial: signInPage({ pending, providers: [{ name: 'idp', title: attack, issuer: 'https://idp.example' }], formToken: 'token', notice: attack }),
  consent: consentPage({ pending, user: { label: attack, provider: attack }, scopes: [{ scope: attack, words: [attack] }], withheld: [attack], formToken: 'token' }),
  denied: deniedPage(pending, attack, 'token'),
};

test.each(Object.entries(pages))('the %s page shows what others wrote as text and nothing else', (_name, { html: document }) => {
  expect(document).not.toContain('<script');
  expect(document).not.toContain('<img');
  expect(document).toContain('&lt;script&gt;');
});

test.each(Object.entries(pages))('the %s page runs no script, loads nothing and cannot be framed', (_name, { html: document, contentSecurityPolicy }) => {
  const style = /<style>([\s\S]*?)<\/style>/.exec(document)?.[1] ?? '';
  expect(contentSecurityPolicy).toContain(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`);
  expect(contentSecurityPolicy).toContain("default-src 'none'");
  expect(contentSecurityPolicy).toContain("frame-ancestors 'none'");
  expect(contentSecurityPolicy).not.toContain('unsafe');
  expect(document).not.toMatch(/<[^>]*\s(?:on\w+|style|src)\s*=|@import|url\(/);
});

test.each(Object.entries(pages))('the %s page carries the form token in every form and works without a pointer', (_name, { html: document }) => {
  const forms = document.match(/<form\b[\s\S]*?<\/form>/g) ?? [];
  expect(forms.length).toBeGreaterThan(0);
  for (const form of forms) {
    expect(form).toContain('name="form_token" value="token"');
    expect(form).toMatch(/<button\b[^>]*type="submit"/);
  }
  expect(document).toContain('<html lang="en">');
  expect(document).toContain('name="viewport"');
  expect(document).toContain('prefers-color-scheme:dark');
});

test('the interstitial names the agent, its host and where the answer goes, before anybody signs in (S3)', () => {
  const { html: document } = signInPage({ pending: { ...pending, agent: { ...pending.agent, clientName: 'Claude Code' } }, providers: [{ name: 'idp', title: 'Okta', issuer: 'https://idp.example' }], formToken: 't' });
  expect(document).toContain('Claude Code wants to connect');
  expect(document).toContain('agent.example');
  expect(document).toContain('127.0.0.1:4711');
  expect(document).toContain('Any program running here can claim to be this agent');
});

test('a form may lead to the redirect URI and nowhere a header could be broken by', () => {
  expect([formTarget('http://127.0.0.1:4711/cb'), formTarget('http://[::1]:4711/cb'), formTarget('cursor://x/cb'), formTarget('https://a.example/cb')]).toEqual(['http://127.0.0.1:4711', 'http:', 'cursor:', 'https://a.example']);
  expect(page('t', html`x`, ["https://a.example; script-src 'unsafe-inline'", 'x y']).contentSecurityPolicy).toContain("form-action 'self';");
});
