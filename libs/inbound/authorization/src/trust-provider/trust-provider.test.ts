import { Document, TRUST_PROVIDER_PRESETS, type DocumentOf } from '@sallyport/configuration';
import { expect, test } from 'vitest';
import { problemsOfTrustProvider, trustProviderRules } from './trust-provider.js';

const TENANT = '11111111-2222-3333-4444-555555555555';
const specOf = (spec: Record<string, unknown>) =>
  (
    Document.parse({
      kind: 'TrustProvider',
      name: 'p',
      spec: { issuer: 'https://idp.example', clientId: 'c', ...spec },
    }) as DocumentOf<'TrustProvider'>
  ).spec;
const problems = (spec: Record<string, unknown>) =>
  problemsOfTrustProvider(specOf(spec)).map(({ path, message }) => `${path.join('.')} ${message}`);

test.each([
  [{ preset: 'okta', issuer: 'https://acme.okta.example' }],
  [{ preset: 'okta', issuer: 'https://acme.okta.example/oauth2/default' }],
  [{ preset: 'entra', issuer: `https://login.microsoftonline.com/${TENANT}/v2.0` }],
  [{ preset: 'entra', issuer: 'https://login.microsoftonline.com/organizations/v2.0', allowedTenants: [TENANT] }],
  [{ preset: 'entra', issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0', allowedTenants: [TENANT] }],
  [{ preset: 'google', issuer: 'https://accounts.google.com', allowedTenants: ['acme.example'] }],
  [{ preset: 'auth0', issuer: 'https://acme.eu.auth0.example/' }],
  [{ preset: 'keycloak', issuer: 'https://sso.acme.example/realms/staff' }],
  [{ preset: 'keycloak', issuer: 'https://sso.acme.example/auth/realms/staff' }],
  [{ issuer: 'https://idp.example/any/path' }],
  [{ clientKey: { file: 'k.jwk' } }],
  [{ clientSecret: { env: 'S' }, tokenEndpointAuthMethod: 'client_secret_basic' }],
  [
    {
      claims: {
        subject: { cel: 'string(claims.id)' },
        email: false,
        groups: { cel: 'claims.a + claims.b' },
        roles: 'a."b c".d',
      },
    },
  ],
])('a sound document has no problems: %j', (spec) => {
  expect(problems(spec)).toEqual([]);
});

test.each<[Record<string, unknown>, RegExp]>([
  [{ preset: 'okta', issuer: 'https://acme.okta.example/oauth2' }, /^issuer is not an issuer of okta: it looks like/],
  [
    { preset: 'entra', issuer: 'https://login.microsoftonline.com/acme.onmicrosoft.com/v2.0' },
    /^issuer is not an issuer of entra/,
  ],
  [{ preset: 'entra', issuer: `https://sts.windows.net/${TENANT}/` }, /^issuer is not an issuer of entra/],
  [
    { preset: 'entra', issuer: 'https://login.microsoftonline.com/common/v2.0' },
    /^allowedTenants is required for an issuer that every tenant shares/,
  ],
  [{ preset: 'keycloak', issuer: 'https://sso.acme.example' }, /^issuer is not an issuer of keycloak/],
  [{ preset: 'google', issuer: 'https://accounts.google.com/o/oauth2' }, /^issuer is not an issuer of google/],
  [{ allowedTenants: ['x'] }, /^allowedTenants is known of entra and google only/],
  [{ scopes: ['profile'] }, /^scopes lacks openid/],
  [{ claims: { groups: 'a b' } }, /^claims.groups is not a path/],
  [{ claims: { groups: 'a..b' } }, /^claims.groups is not a path/],
  [{ claims: { groups: 'a."b' } }, /^claims.groups is not a path/],
  [{ claims: { groups: 'a."b"c' } }, /^claims.groups is not a path/],
  [{ claims: { groups: { cel: 'claims.groups.filter(' } } }, /^claims.groups.cel /],
  [{ claims: { subject: { cel: 'user.id' } } }, /^claims.subject.cel Unknown variable: user/],
  [{ claims: { subject: { cel: '["a"]' } } }, /^claims.subject.cel must be a string, not list/],
  [{ claims: { groups: { cel: '1 == 1' } } }, /^claims.groups.cel must be a list of strings, not bool/],
  [
    { claims: { groups: { cel: 'claims.groups.filter(g, g.matches("(a+)+$"))' } } },
    /^claims.groups.cel regular expressions are not allowed/,
  ],
  [
    { claims: { groups: { cel: 'claims.a.map(x, claims.b.map(y, x + y))' } } },
    /^claims.groups.cel loops .* must not be nested/,
  ],
  [{ clientKey: { file: 'k' }, clientSecret: { env: 'S' } }, /^clientKey has no place beside clientSecret/],
  [{ tokenEndpointAuthMethod: 'private_key_jwt' }, /^clientKey is required for private_key_jwt/],
  [{ tokenEndpointAuthMethod: 'client_secret_post' }, /^clientSecret is required for client_secret_post/],
  [{ clientKey: { file: 'k' }, tokenEndpointAuthMethod: 'none' }, /^tokenEndpointAuthMethod must be private_key_jwt/],
  [{ clientSecret: { env: 'S' }, tokenEndpointAuthMethod: 'none' }, /^tokenEndpointAuthMethod must be client_secret/],
])('a broken document says where and what: %j (S29)', (spec, expected) => {
  expect(problems(spec)).toEqual([expect.stringMatching(expected)]);
});

test('every preset fills in what a document leaves out, and signatures need a public key', () => {
  const issuers = {
    okta: '/',
    entra: `/${TENANT}/v2.0`,
    google: '/',
    auth0: '/',
    keycloak: '/realms/r',
    generic: '/x',
  };
  for (const preset of TRUST_PROVIDER_PRESETS) {
    const rules = trustProviderRules(specOf({ preset, issuer: `https://idp.example${issuers[preset]}` }));
    if ('invalid' in rules) throw new Error(JSON.stringify(rules.invalid));
    expect(rules.scopes).toEqual(['openid', 'profile', 'email']);
    expect(rules.idTokenAlgorithms.filter((algorithm) => /^(HS|none)/.test(algorithm))).toEqual([]);
  }
});

test.each(['HS256', 'none'])('an ID token algorithm without a public key cannot even be written: %s', (algorithm) => {
  expect(() => specOf({ idTokenAlgorithms: [algorithm] })).toThrow(/idTokenAlgorithms/);
});
