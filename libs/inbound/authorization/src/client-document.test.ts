import { expect, test } from 'vitest';
import { isDocumentUrl, mayFetchDocument, usableRedirectUris, validateClientDocument } from './index.js';

const anyHost = { enabled: true, allowedHosts: ['*'], deniedHosts: [] };
const url = 'https://agent.example/client.json';
const document = {
  client_id: url,
  client_name: 'Agent',
  redirect_uris: ['https://agent.example/cb'],
  token_endpoint_auth_method: 'none',
  logo_uri: 'https://agent.example/logo.png',
};

test('an https URL with a path may name an agent (R19)', () => {
  expect(mayFetchDocument(url, anyHost)).toEqual({ accepted: true });
  expect([url, 'http://agent.example/x', 'dcr_1', 'sallyport-control-plane'].map(isDocumentUrl)).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

test.each([
  'http://agent.example/client.json',
  'https://agent.example',
  'https://agent.example/',
  'https://agent.example/a/../client.json',
  'https://agent.example/client.json#x',
  'https://user@agent.example/client.json',
  'https://AGENT.example/client.json',
  'https://agent.example:443/client.json',
  `https://agent.example/${'x'.repeat(2100)}`,
])('%s may not', (clientId) => {
  expect(mayFetchDocument(clientId, anyHost).accepted).toBe(false);
});

test('the administrator decides which hosts may, and a denied host is denied whatever else is allowed', () => {
  expect(mayFetchDocument(url, { ...anyHost, enabled: false }).accepted).toBe(false);
  expect(mayFetchDocument(url, { ...anyHost, allowedHosts: ['other.example'] }).accepted).toBe(false);
  expect(mayFetchDocument(url, { ...anyHost, allowedHosts: ['*.example'] }).accepted).toBe(true);
  expect(mayFetchDocument(url, { ...anyHost, deniedHosts: ['agent.example'] }).accepted).toBe(false);
});

test('a document that names itself and redirects it can be trusted with is accepted', () => {
  expect(validateClientDocument(url, document)).toEqual({ accepted: true });
});

test.each([
  ['another client id', { client_id: 'https://agent.example/client.json?x' }],
  ['no redirect URI', { redirect_uris: [] }],
  [
    'more redirect URIs than anybody needs',
    { redirect_uris: Array.from({ length: 33 }, (_, index) => `https://agent.example/${index}`) },
  ],
  ['a redirect URI over plain http', { redirect_uris: ['http://agent.example/cb'] }],
  ['a shared secret', { client_secret: 'x' }],
  ['an authentication method that needs one', { token_endpoint_auth_method: 'client_secret_basic' }],
  ['keys over plain http', { jwks_uri: 'http://agent.example/jwks' }],
])('a document with %s is refused', (_what, change) => {
  expect(validateClientDocument(url, { ...document, ...change }).accepted).toBe(false);
});

test('a document is taken for the redirect URIs that can be honoured, whatever stands beside them (R19)', () => {
  const redirectUris = ['http://agent.example/cb', 'javascript:alert(1)', 'https://agent.example/cb', ''];
  expect(validateClientDocument(url, { ...document, redirect_uris: redirectUris })).toEqual({ accepted: true });
  expect(usableRedirectUris(redirectUris)).toEqual(['https://agent.example/cb']);
  expect(validateClientDocument(url, { ...document, redirect_uris: redirectUris.slice(0, 2) })).toEqual({
    accepted: false,
    reason: 'redirect_uris: http://agent.example/cb: http is for loopback addresses only',
  });
});

test.each([null, [], 'text', 7])('%j is not a document', (value) => {
  expect(validateClientDocument(url, value).accepted).toBe(false);
});
