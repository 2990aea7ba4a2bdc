import { expect, test } from 'vitest';
import { mapClaims } from './map-claims.js';
import type { TrustProvider } from './trust-providers.js';

const provider = (changes: Partial<TrustProvider['spec']> = {}): TrustProvider => ({
  kind: 'TrustProvider',
  name: 'entra',
  spec: { issuer: 'https://idp.example', clientId: 'c', scopes: ['openid'], claims: { subject: 'oid', email: 'email', name: 'name', groups: 'roles' }, ...changes },
});
const claims = { sub: 'pairwise', oid: 'immutable', email: 'Alice@Example.com', name: 'Alice', roles: ['a', 'a', 7, 'b'], auth_time: 1_700_000_000, acr: 'mfa', amr: ['pwd', 'otp'] };

test('a human is the provider and its immutable subject, whatever their e-mail says (S1)', () => {
  expect(mapClaims(provider(), claims)).toEqual({
    accepted: true,
    identity: { trustProvider: 'entra', subject: 'immutable', email: 'Alice@Example.com', name: 'Alice', groups: ['a', 'b'] },
    authTime: 1_700_000_000,
    acr: 'mfa',
    amr: ['pwd', 'otp'],
  });
});

test('without the subject claim nobody is signed in', () => {
  expect(mapClaims(provider(), { ...claims, oid: undefined })).toEqual({ accepted: false, reason: 'subject_missing' });
  expect(mapClaims(provider(), { ...claims, oid: '' })).toEqual({ accepted: false, reason: 'subject_missing' });
});

test('allowed e-mail domains let exactly those in', () => {
  const limited = provider({ allowedEmailDomains: ['example.com'] });
  expect(mapClaims(limited, claims).accepted).toBe(true);
  const refused = [{ email: 'alice@sub.example.com' }, { email: 'alice@example.com.evil.example' }, { email: 'example.com' }, { email: undefined }, { email_verified: false }].map((change) => mapClaims(limited, { ...claims, ...change }));
  expect(refused.map((verdict) => (verdict.accepted ? 'accepted' : verdict.reason))).toEqual(['email_domain_not_allowed', 'email_domain_not_allowed', 'email_domain_not_allowed', 'email_missing', 'email_unverified']);
});

test('one group as a bare string is a group; a number is none', () => {
  const groups = [{ roles: 'only' }, { roles: 3 }, { roles: undefined }].map((change) => {
    const mapped = mapClaims(provider(), { ...claims, ...change });
    return mapped.accepted && mapped.identity.groups;
  });
  expect(groups).toEqual([['only'], [], []]);
});
